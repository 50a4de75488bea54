# SPDX-License-Identifier: MIT
#
# `experiment table-limit`: where memory goes while page tables take it.
load "tools/plots/style.gp"
csv = ARG1
@start_picture

of(part, name) = strcol("part") eq part ? column(name) : NaN
stats csv using (of("processes", "step")) name "processes" nooutput
stats csv using (of("addresses", "step")) name "addresses" nooutput
stats csv using (of("addresses", "free_kib")) name "free" nooutput
stats csv using (of("addresses", "rss_kib")) name "rss" nooutput
stats csv using (of("addresses", "tables_kib")) name "tables" nooutput
stats csv using (of("processes", "anonymous_kib") + of("processes", "other_kib") + of("processes", "tables_kib") + of("processes", "free_kib")) name "total" nooutput
total = total_max / 1024

TITLE = "Page tables can take all of memory, and no process looks guilty"
SUBTITLE = sprintf("a machine of %.0f MiB until nothing is left: many processes that share everything, and one that only reads", total)
@put_title
unset key

set multiplot
set tmargin at screen 0.79
set bmargin at screen 0.13
set yrange [0:total]
set ytics 16
set ylabel "MiB of the machine's memory" textcolor rgb ink offset 1,0
set style fill solid 0.85 noborder
set label 10 "" at graph 0, graph 1.06 textcolor rgb ink enhanced
mib(x) = x / 1024.0

set lmargin at screen 0.08
set rmargin at screen 0.49
set xrange [0:processes_max]
set xlabel "processes forked, which do nothing" textcolor rgb ink
set label 10 sprintf("{/:Bold Too many processes:}  fork says ENOMEM after %d", processes_max - 1)
set label 1 "page tables" at processes_max * 0.7, total * 0.40 center textcolor rgb "white" font font_name.",16" front
set label 2 "free" at processes_max * 0.25, total * 0.72 center textcolor rgb grey font font_name.",16" front
set label 3 "all else: the kernel, programs' pages" at processes_max * 0.97, total * 0.035 right textcolor rgb ink font font_name.",12" front
layers(part, width) = sprintf("plot csv using (of('%s', 'step') * %f):(mib(column('other_kib') + column('anonymous_kib') + column('tables_kib'))) with filledcurves y1=0 linecolor rgb orange, '' using (of('%s', 'step') * %f):(mib(column('other_kib') + column('anonymous_kib'))) with filledcurves y1=0 linecolor rgb '#9CC3DC'", part, width, part, width)
eval(layers("processes", 1))
@drop_title

set lmargin at screen 0.57
set rmargin at screen 0.96
unset ylabel
set xrange [0:addresses_max * 0.5]
set xlabel "GiB of addresses in which one page in 2 MiB was read" textcolor rgb ink
set label 10 sprintf("{/:Bold Too many addresses:}  SIGKILL, with %d KiB of RSS", rss_max)
set label 1 at addresses_max * 0.35, total * 0.40
set label 2 at addresses_max * 0.125, total * 0.72
set label 3 at addresses_max * 0.485, total * 0.035
eval(layers("addresses", 0.5))
unset multiplot
