"""The captions of a folder, whatever program wrote them: lists (CSV, TSV, JSON lines), or a text beside each picture.

Nothing here stops at the first fault: all are gathered, so that they can be mended at once.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The first of these that a folder holds counts. metadata.*: Hugging Face's imagefolder; captions.txt: Flickr8k.
LISTS = ("captions.csv", "metadata.jsonl", "metadata.csv", "captions.tsv", "captions.txt")
FILE_COLUMNS = ("file", "file_name", "filename", "image", "image_name", "image_path", "path")
CAPTION_COLUMNS = ("caption", "text", "comment", "description", "captions")
FLICKR = re.compile(r"(?P<file>[^\t]+\.\w+)#\d+\t(?P<caption>.*)")  # Flickr8k.token.txt: name.jpg#0, a tab, the caption
TOLD = 8  # faults of a kind that are told one by one


@dataclass
class Faults:
    """All that is wrong with a folder."""

    folder: Path
    #: By kind: the sentences, without full stops.
    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, sentence: str) -> None:
        self.found.setdefault(kind, []).append(sentence.rstrip("."))

    def check(self) -> None:
        """Raises FileNotFoundError (if all that is wrong is that something is missing) or ValueError, with one sentence
        that names every fault, of those that are many of a kind the first few."""
        told = []
        for sentences in self.found.values():
            told += sentences[:TOLD]
            if len(sentences) > TOLD:
                told.append(f"and {len(sentences) - TOLD} more like the last")
        if not told:
            return
        count = sum(map(len, self.found.values()))
        if count > 1:
            here = str(self.folder / "x")[:-1]  # with the system's slash
            told = [sentence.replace(here, "") for sentence in told]
            told[0] = f"There are {count} faults in {self.folder}: {told[0]}"
        raise (FileNotFoundError if set(self.found) == {"missing"} else ValueError)("; ".join(told) + ".")


@dataclass(frozen=True)
class Row:
    """What a line of a list says."""

    #: Where it stands, as messages call it: "captions.csv, line 3".
    where: str
    #: The picture's name, beside the list; anything but text is a fault.
    file: object
    caption: object


def read_text(path: Path) -> str:
    """A file's text, whatever program wrote it: UTF-8 with or without a byte order mark, or UTF-16 with one. Lines end
    in "\\n". Raises ValueError with one sentence for another encoding."""
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # so do UTF-16 without a mark, and what is no text at all
        raise ValueError(f"{path} is not UTF-8 text: save it again in this encoding (in Excel: “CSV UTF-8”).")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def list_in(folder: Path) -> Path | None:
    """The list that a folder holds, if it does. A captions.txt that is no list may be the caption of a picture."""
    for name in LISTS:
        path = folder / name
        if path.is_file() and (path.suffix != ".txt" or is_table(path)):
            return path
    return None


def is_table(path: Path) -> bool:
    try:
        text = read_text(path)
    except ValueError:
        return False
    return bool(FLICKR.match(text)) or delimiter_of(text) is not None


def read_list(path: Path, known: set[str], faults: Faults) -> Iterator[Row]:
    """The rows of a list. known: names of pictures beside it, by which a row inside of a caption is recognized."""
    try:
        text = read_text(path)
    except ValueError as error:
        faults.add("encoding", str(error))
        return
    if path.suffix == ".jsonl":
        yield from json_rows(path, text, faults)
    elif FLICKR.match(text):
        yield from flickr_rows(path, text, faults)
    else:
        yield from table_rows(path, text, known, faults)


def json_rows(path: Path, text: str, faults: Faults) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # RecursionError: brackets in brackets, thousands deep
            row = None
        if isinstance(row, dict):
            yield Row(where, first(row, FILE_COLUMNS), first(row, CAPTION_COLUMNS))
        else:
            faults.add("json", f"{where}, is not a JSON object such as {{“file_name”: …, “text”: …}}")


def flickr_rows(path: Path, text: str, faults: Faults) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if found := FLICKR.match(line):
            yield Row(f"{path}, line {number}", found["file"], found["caption"])
        elif line.strip():
            faults.add("flickr", f"{path}, line {number}, is not a picture's name, #, a number, a tab and a caption")


def first(row: dict, names: tuple[str, ...]) -> object:
    return next((row[name] for name in names if row.get(name)), None)


def heading_of(cells: list[str]) -> tuple[int, int] | None:
    """Which columns hold the picture's name and the caption, if a first line says so."""
    names = [cell.strip().lower() for cell in cells]
    file = next((names.index(name) for name in FILE_COLUMNS if name in names), None)
    caption = next((names.index(name) for name in CAPTION_COLUMNS if name in names), None)
    return None if file is None or caption is None else (file, caption)


def delimiter_of(text: str) -> str | None:
    """What separates the columns: that by which the first line names them."""
    line = without_sep_line(text).split("\n", 1)[0]
    for delimiter in (",", ";", "\t", "|"):
        if any(heading_of(cells) for cells in csv.reader([line], delimiter=delimiter, skipinitialspace=True)):
            return delimiter
    return None


def without_sep_line(text: str) -> str:
    """Excel may write "sep=;" before all else: an empty line in its place keeps the numbers of the others."""
    return re.sub(r"^sep=.\n", "", text, count=1)


def table_rows(path: Path, text: str, known: set[str], faults: Faults) -> Iterator[Row]:
    delimiter = delimiter_of(text)
    if delimiter is None:
        faults.add("heading", f"{path} needs a first line that names its columns: file,caption")
        return
    table = without_sep_line(text)
    skipped = text.count("\n") - table.count("\n")
    quoting = csv.QUOTE_NONE if delimiter == "|" else csv.QUOTE_MINIMAL  # Flickr30k quotes nothing
    reader = csv.reader(io.StringIO(table), delimiter=delimiter, quoting=quoting, strict=True, skipinitialspace=True)
    heading, begin, places = [], 0, (0, 0)
    while True:
        begin = reader.line_num + 1 + skipped
        try:
            cells = next(reader, None)
        except csv.Error as error:
            faults.add("quotes", f"{path}, line {begin}, cannot be read: {quote_trouble(error)}")
            return  # where the next row begins is not known
        where = f"{path}, line {reader.line_num + skipped}"
        if cells is None:
            return
        if not heading:
            heading, places = cells, heading_of(cells) or (0, 0)
        elif not any(cell.strip() for cell in cells):
            pass  # spreadsheets leave empty rows at the end
        elif any(cell.strip() for cell in cells[len(heading) :]):
            faults.add("columns", f"{where}, has more columns than the first line: put captions with commas in quotes")
        else:
            cells += [""] * (len(heading) - len(cells))
            file, caption = (cells[place] for place in places)
            inner = [line.split(delimiter, 1)[0].strip() for line in caption.split("\n")[1:]]
            if any(name in known for name in inner):
                sentence = "a caption runs on over the rows that follow: a quotation mark is not closed"
                faults.add("quotes", f"{path}, line {begin}, cannot be read: {sentence}")
            else:
                yield Row(where, file, caption)


def quote_trouble(error: csv.Error) -> str:
    text = str(error)
    if "end of data" in text:
        return "a quotation mark is opened there and never closed"
    if "expected after" in text:
        return 'a quotation mark inside of a caption is written twice ("")'
    if "field larger" in text:
        return f"a caption is too long ({text}), or a quotation mark is not closed"
    return text
