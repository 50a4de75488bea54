# SPDX-License-Identifier: MIT
#
# `experiment brk`: the heap's line and its memory, step by step.
load "tools/plots/style.gp"
csv = ARG1
height = 480
@start_picture

stats csv using "step" name "steps" nooutput
stats csv using "minflt" name "minor" nooutput
phase = steps_max / 5
TITLE = "Up, brk is a promise; down, it takes the memory too"
SUBTITLE = sprintf("brk moved by 256 KiB a step; %d minor faults in all, each at the first touch of a page", minor_max)
@put_title

set tmargin at screen 0.83
set bmargin at screen 0.14
set xrange [0:steps_max]
set yrange [0:5.4]
set ytics 1
set xtics phase
set xlabel "steps" textcolor rgb ink
set ylabel "MiB" textcolor rgb ink offset 1,0
unset key
set for [i=1:4] arrow i from i * phase, graph 0 to i * phase, graph 1 nohead linecolor rgb pale dashtype 2
set for [i=1:5] label i word("brk_up touched brk_down brk_up_again touched_again", i) at (i - 0.5) * phase, 5.05 center textcolor rgb ink noenhanced
set label 1 "brk up"
set label 3 "brk down"
set label 4 "brk up again"
set label 5 "touched again"
set label 10 "[heap] in the map:\naddresses only" at 0.48 * phase, 1.6 left textcolor rgb blue
set label 11 "RSS: memory,\npage by page" at 1.58 * phase, 1.6 textcolor rgb orange
set label 12 "both at once" at 2.6 * phase, 2.1 textcolor rgb ink
set label 13 "addresses only" at 3.54 * phase, 1.6 left textcolor rgb blue
set label 14 "memory again" at 4.44 * phase, 1.6 textcolor rgb orange
plot csv using "step":(column("rss_kib") / 1024.0) with filledcurves y1=0 fill solid 0.12 noborder linecolor rgb orange, \
	"" using "step":(column("heap_kib") / 1024.0) with lines linewidth 3 linecolor rgb blue, \
	"" using "step":(column("rss_kib") / 1024.0) with lines linewidth 3 linecolor rgb orange
