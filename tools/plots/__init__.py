# SPDX-License-Identifier: MIT
"""Pictures of measurements. Each is drawn by a gnuplot script of this directory, from a CSV file
whose first line names the columns:

    gnuplot -c tools/plots/NAME.gp IN.csv OUT.svg

draws one again, from the project's directory. style.gp is what they have in common."""
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MISSING = "no picture: gnuplot is not installed (package gnuplot-nox)"


def sources(name):
    """The files that a picture depends on, beside its CSV file."""
    return [os.path.join(HERE, name + ".gp"), os.path.join(HERE, "style.gp")]


def installed():
    return shutil.which("gnuplot") is not None


def draw(name, table, picture):
    """Whether gnuplot drew `picture` from the CSV file `table`; what it says goes to stderr."""
    line = ["gnuplot", "-c", sources(name)[0], os.path.abspath(table), os.path.abspath(picture)]
    return subprocess.run(line, cwd=ROOT, check=False).returncode == 0
