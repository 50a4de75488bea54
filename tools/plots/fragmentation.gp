# SPDX-License-Identifier: MIT
#
# `experiment fragmentation`: frame by page of one range, on a fresh machine and on an aged one, and
# the free memory by size of block.
load "tools/plots/style.gp"
csv = ARG1
height = 640
@start_picture

of(part) = strcol("part") eq part ? column("value") : NaN
index_of(part) = strcol("part") eq part ? column("index") : NaN
# Physical address in MiB, of a frame; MiB in blocks of one size.
mib(frame) = frame * 4 / 1024.0
held(part) = of(part) * 2 ** column("index") * 4 / 1024.0
stats csv using (index_of("pages-aged")) name "pages" nooutput
last = 0; count = 0
pieces(part) = (strcol("part") eq part ? (count = count + (column("value") != last + 1), last = column("value"), count) : NaN)
count = 0
stats csv using (pieces("pages-fresh")) name "fresh" nooutput
count = 0
stats csv using (pieces("pages-aged")) name "aged" nooutput

TITLE = sprintf("%.0f MiB in one piece for the process, in %d pieces of physical memory", (pages_max + 1) * 4 / 1024, aged_max)
SUBTITLE = "the same range of addresses from a fresh machine, and from one where every second page was given back at random"
@put_title

unset key
set multiplot
set tmargin at screen 0.81
set bmargin at screen 0.42
set lmargin at screen 0.09
set rmargin at screen 0.49
set xrange [0:pages_max]
set yrange [0:64]
set ytics 16
set xtics 512
set xlabel "page of the range" textcolor rgb ink
set ylabel "physical address, MiB" textcolor rgb ink offset 1,0
set label 10 "" at graph 0, graph 1.06 textcolor rgb ink enhanced
set label 10 sprintf("{/:Bold Fresh:}  %d pieces", fresh_max)
plot csv every 2 using (index_of("pages-fresh")):(mib(column("value"))):(14):(0) with vectors nohead linewidth 3 linecolor rgb blue
@drop_title
set lmargin at screen 0.56
set rmargin at screen 0.97
unset ylabel
set label 10 sprintf("{/:Bold Aged:}  %d pieces, and the process cannot tell", aged_max)
plot csv every 2 using (index_of("pages-aged")):(mib(column("value"))):(14):(0) with vectors nohead linewidth 3 linecolor rgb orange

set tmargin at screen 0.26
set bmargin at screen 0.10
set lmargin at screen 0.09
set rmargin at screen 0.97
set label 10 "{/:Bold Free memory by size of block}" at graph 0, graph 1.12
set ylabel "MiB" textcolor rgb ink offset 1,0
set yrange [0.0625:100]
set logscale y 4
set ytics ("1/16" 0.0625, "1" 1, "16" 16)
set xrange [-0.6:10.6]
set xtics ("4 KiB" 0, "8 KiB" 1, "16 KiB" 2, "32 KiB" 3, "64 KiB" 4, "128 KiB" 5, "256 KiB" 6, "512 KiB" 7, "1 MiB" 8, "2 MiB" 9, "4 MiB" 10)
unset xlabel
set boxwidth 0.25
set label 11 "fresh" at graph 0.40, graph 1.12 textcolor rgb blue
set label 12 "aged" at graph 0.49, graph 1.12 textcolor rgb orange
set label 13 "after both processes have ended" at graph 0.58, graph 1.12 textcolor rgb green
set style fill solid 0.85 noborder
plot csv using (index_of("blocks-fresh") - 0.27):(held("blocks-fresh")) with boxes linecolor rgb blue, \
	"" using (index_of("blocks-aged")):(held("blocks-aged")) with boxes linecolor rgb orange, \
	"" using (index_of("blocks-after") + 0.27):(held("blocks-after")) with boxes linecolor rgb green
unset multiplot
