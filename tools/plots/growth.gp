# SPDX-License-Identifier: MIT
#
# `make bench-growth`: the cost of operations against the number of VMAs and the memory touched. Both
# axes are logarithmic: a line that is level does not grow.
load "tools/plots/style.gp"
csv = ARG1
width = 1200
height = 720
@start_picture

TITLE = "What an operation costs hardly grows with what a process has"
SUBTITLE = "guest instructions, the median; a search through all of it would rise with the grid's diagonal"
@put_title

of(dimension, what) = strcol("dimension") eq dimension && strcol("operation") eq what ? column("median") : NaN
names = ""
note(dimension, wanted, what) = (dimension eq wanted && strstrt(names, " ".what." ") == 0 ? (names = names." ".what." ") : names, 0)
colours = blue." ".orange." ".green." ".pink." ".yellow." ".sky." ".ink." ".grey
colour(i) = word(colours, 1 + (i - 1) % words(colours))

set logscale xy
set grid xtics ytics linecolor rgb pale linewidth 1 linetype 1
set key at graph 0.5, graph -0.22 center top vertical maxrows 7 font font_name.",12" samplen 1.5 width 1
set multiplot
set tmargin at screen 0.84
set bmargin at screen 0.34
set lmargin at screen 0.07
set rmargin at screen 0.49
set ylabel "guest instructions" textcolor rgb ink
set xrange [8:80000]
set xlabel "VMAs" textcolor rgb ink
stats csv using (note(strcol("dimension"), "vmas", strcol("operation"))) nooutput
plot for [i=1:words(names)] csv using (column("size")):(of("vmas", word(names, i))) with linespoints linewidth 2 pointtype 4 + i linecolor rgb colour(i) title word(names, i)
@drop_title
set lmargin at screen 0.56
set rmargin at screen 0.98
unset ylabel
set xrange [0.8:1400]
set xlabel "MiB touched" textcolor rgb ink
names = ""
stats csv using (note(strcol("dimension"), "resident", strcol("operation"))) nooutput
plot for [i=1:words(names)] csv using (column("size")):(of("resident", word(names, i))) with linespoints linewidth 2 pointtype 4 + i linecolor rgb colour(i) title word(names, i)
unset multiplot
