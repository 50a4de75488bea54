# SPDX-License-Identifier: MIT
#
# `experiment vsz-rss`: addresses, memory and faults against time.
load "tools/plots/style.gp"
csv = ARG1
height = 640
@start_picture

set key autotitle columnheader
stats csv using "rss_kib" name "rss" nooutput
stats csv using "vsz_kib" name "vsz" nooutput
stats csv using "minflt" name "minor" nooutput
stats csv using "faults_per_s" name "rate" nooutput
faults = minor_max - minor_min
memory = rss_max - rss_min

TITLE = "Memory comes when a page is touched, not when it is asked for"
SUBTITLE = sprintf("100 MiB reserved at 1 s, touched 10 MiB a second from 4 s on, touched again from 15 s, given back at 18 s")
@put_title

set multiplot
set xrange [0:20]
set xtics 2
set lmargin at screen 0.09
set rmargin at screen 0.97

set tmargin at screen 0.86
set bmargin at screen 0.42
set format x ""
set ylabel "MiB" textcolor rgb ink offset 1,0
set yrange [0:125]
set ytics 25
set key top right noautotitle
set label 1 "mmap: addresses,\nno memory, no fault" at 1.15,90 textcolor rgb blue
set label 2 sprintf("%d faults of %.0f bytes each:\n%.0f MiB of memory", faults, memory * 1024.0 / faults, memory / 1024.0) at 9.3,42 textcolor rgb orange
set label 3 "touched again:\nno fault" at 15.1,85 textcolor rgb grey
set label 4 "munmap" at 18.1,60 textcolor rgb grey
set arrow 1 from 4, graph 0 to 4, graph 1 nohead linecolor rgb pale dashtype 2
set arrow 2 from 15, graph 0 to 15, graph 1 nohead linecolor rgb pale dashtype 2
set arrow 3 from 18, graph 0 to 18, graph 1 nohead linecolor rgb pale dashtype 2
set arrow 4 from 1, graph 0 to 1, graph 1 nohead linecolor rgb pale dashtype 2
plot csv using "time_s":(column("rss_kib") / 1024) with filledcurves y1=0 fill solid 0.12 noborder linecolor rgb orange notitle, \
	"" using "time_s":(column("vsz_kib") / 1024) with lines linewidth 3 linecolor rgb blue title "VSZ: addresses in use", \
	"" using "time_s":(column("rss_kib") / 1024) with lines linewidth 3 linecolor rgb orange title "RSS: memory in use"

@drop_title
unset label 1; unset label 2; unset label 3; unset label 4
set tmargin at screen 0.36
set bmargin at screen 0.11
set format x "%g"
set xlabel "seconds" textcolor rgb ink
set ylabel "minor faults per second" textcolor rgb ink offset 1,0
set yrange [0:3200]
set ytics 1000
set boxwidth 0.075
set label 1 sprintf("%d a second, in every tenth of a second", rate_max) at 9, rate_max + 250 center textcolor rgb green
plot csv using "time_s":"faults_per_s" with boxes fill solid 0.85 noborder linecolor rgb green notitle
unset multiplot
