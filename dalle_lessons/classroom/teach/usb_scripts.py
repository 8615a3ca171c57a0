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
      # Settings of pip that look elsewhere, or allow other versions alone, do not count here.
      env PIP_CONFIG_FILE=/dev/null "$place/.venv/bin/python" -m pip --isolated install --quiet \\
        --no-index --find-links "$here/wheels" 'dalle-lessons[lab,play]' || exit 1
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
# No path stands within parentheses, which one in the name of a folder would close; each is in quotes, for spaces and &.
WINDOWS = """\
@echo off
rem Installs the course into the folder dalle-lessons of your home, or into the one that you name; asks no network.
setlocal
set "place=%~1"
if "%place%"=="" set "place=%USERPROFILE%\\dalle-lessons"
for %%v in (PYTHONS) do (
  call :try %%v py -%%v
  if not errorlevel 1 goto install
  call :try %%v python
  if not errorlevel 1 goto install
)
echo This stick is for Python PYTHONS, and none of these is installed here: install one, then run this again.
pause
exit /b 1

:try
rem Whether the command after the version is a Python of this version; the last one that was tried is kept.
set "version=%1"
set "python=%2 %3"
%python% -c "import sys; sys.exit('%%d.%%d' %% sys.version_info[:2] != '%1')" >nul 2>nul
if "%errorlevel%"=="0" exit /b 0
exit /b 1

:install
echo Installing with Python %version% into "%place%" ...
%python% -m venv "%place%\\.venv"
if errorlevel 1 goto failed
set PIP_CONFIG_FILE=nul
"%place%\\.venv\\Scripts\\python.exe" -m pip --isolated install --quiet --no-index --find-links "%~dp0wheels" ^
  "dalle-lessons[lab,play]"
if errorlevel 1 goto failed
> "%place%\\lessons.bat" echo @cd /d "%%~dp0" ^&^& .venv\\Scripts\\python.exe -m dalle_lessons lab my-lessons
echo Done. To open the lessons: "%place%\\lessons.bat"
pause
exit /b 0

:failed
echo It could not be installed: what stands above says why.
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
