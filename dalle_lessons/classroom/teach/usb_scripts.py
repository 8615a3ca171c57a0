"""What stands on the stick beside the packages: scripts that install the course from it, one for each system."""

UNIX = """\
#!/bin/sh
# Installs the course into the folder dalle-lessons of your home, or into the one that you name; asks no network.
here=$(cd "$(dirname "$0")" && pwd)
place=${1:-$HOME/dalle-lessons}
for version in PYTHONS; do
  for python in "python$version" python3; do
    if [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ]; then
      echo "Installing with Python $version into $place ..."
      "$python" -m venv "$place/.venv" || exit 1
      "$place/.venv/bin/python" -m pip install --quiet --no-index --find-links "$here/wheels" \\
        'dalle-lessons[lab,play]' || exit 1
      open='cd "$(dirname "$0")" && exec .venv/bin/dalle-lessons lab my-lessons'
      printf '#!/bin/sh\\n%s\\n' "$open" > "$place/lessons.START"
      chmod +x "$place/lessons.START"
      echo "Done. To open the lessons: $place/lessons.START"
      exit 0
    fi
  done
done
echo "This stick is for Python PYTHONS, and none of these is installed here: install one, then run this again." >&2
exit 1
"""
WINDOWS = """\
@echo off
rem Installs the course into the folder dalle-lessons of your home, or into the one that you name; asks no network.
setlocal
set "place=%~1"
if "%place%"=="" set "place=%USERPROFILE%\\dalle-lessons"
for %%v in (PYTHONS) do (
  py -%%v -c "" >nul 2>nul
  if not errorlevel 1 (
    echo Installing with Python %%v into %place% ...
    py -%%v -m venv "%place%\\.venv" || exit /b 1
    set "install=%place%\\.venv\\Scripts\\python.exe"
    call "%%install%%" -m pip install --quiet --no-index --find-links "%~dp0wheels" "dalle-lessons[lab,play]" ^
      || exit /b 1
    > "%place%\\lessons.bat" echo @cd /d "%%~dp0" ^&^& .venv\\Scripts\\dalle-lessons.exe lab my-lessons
    echo Done. To open the lessons: %place%\\lessons.bat
    pause
    exit /b 0
  )
)
echo This stick is for Python PYTHONS, and none of these is installed here: install one, then run this again.
pause
exit /b 1
"""
README = """\
DALL-E IN LESSONS, on a stick

You need Python PYTHONS; nothing is downloaded. Copy the stick's folder to your disk first, that is faster.

Windows    double-click install.bat; then lessons.bat in the folder dalle-lessons of your home
macOS      in a terminal: sh install.command; then open lessons.command in the folder dalle-lessons of your home
Linux      in a terminal: sh install.sh; then lessons.sh in the folder dalle-lessons of your home

To read without installing anything: site/index.html
"""
#: {system: {file: text}}; the words PYTHONS stand for the versions that the stick serves.
SCRIPTS = {
    "win": {"install.bat": WINDOWS},
    "mac": {"install.command": UNIX.replace("lessons.START", "lessons.command")},
    "linux": {"install.sh": UNIX.replace("lessons.START", "lessons.sh")},
    "all": {"README.txt": README},
}
