# SPDX-License-Identifier: MIT
#
# `experiment exhaustion`: what runs out when, in three panels.
load "tools/plots/style.gp"
csv = ARG1
width = 1100
height = 560
@start_picture

of(part, name) = strcol("part") eq part ? column(name) : NaN
stats csv using (of("addresses", "vsz_kib")) name "addresses" nooutput
stats csv using (of("addresses", "step")) name "mappings" nooutput
stats csv using (of("addresses", "rss_kib")) name "touched" nooutput
stats csv using (of("limit", "vsz_kib")) name "limit" nooutput
stats csv using (of("limit", "step")) name "allowed" nooutput
stats csv using (of("frames", "rss_kib")) name "frames" nooutput
stats csv using (of("frames", "vsz_kib")) name "reserved" nooutput
stats csv using (of("frames", "free_kib")) name "free" nooutput

TITLE = "Three ways to run out of memory, and only one of them uses any"
SUBTITLE = sprintf("VSZ, RSS and the machine's free memory, looked at after each step; the machine has %.0f MiB free", free_max / 1024)
@put_title
set key top left Left reverse

set multiplot
set tmargin at screen 0.80
set bmargin at screen 0.13
set border 3

# One after the other: what stands above a panel is its label 10.
set label 10 "" at graph 0, graph 1.07 textcolor rgb ink
set lmargin at screen 0.08
set rmargin at screen 0.35
set label 10 "{/:Bold All addresses reserved}" enhanced
set xlabel "mappings made (1 TiB each, then smaller)" textcolor rgb ink
set xrange [0:mappings_max * 1.1]
set xtics 40
set logscale y 2
set yrange [32:2.0**40]
set ytics ("64 KiB" 2**6, "1 MiB" 2**10, "64 MiB" 2**16, "1 GiB" 2**20, "64 GiB" 2**26, "1 TiB" 2**30, "128 TiB" 2**37)
set label 1 sprintf("mmap: ENOMEM\nat %.0f TiB", addresses_max / 2.0**30) at mappings_max * 1.08, 2.0**34.3 right textcolor rgb blue
set label 2 "free memory: unchanged" at mappings_max / 2, 2.0**17.1 center textcolor rgb green
set label 3 "RSS: unchanged" at mappings_max / 2, touched_max * 3 center textcolor rgb orange
set label 4 "VSZ" at 8, 2.0**35.3 textcolor rgb blue
plot csv using (of("addresses", "step")):(of("addresses", "vsz_kib")) with lines linewidth 3 linecolor rgb blue notitle, \
	"" using (of("addresses", "step")):(of("addresses", "free_kib")) with lines linewidth 3 linecolor rgb green notitle, \
	"" using (of("addresses", "step")):(of("addresses", "rss_kib")) with lines linewidth 3 linecolor rgb orange notitle, \
	"" using (of("addresses", "step") == mappings_max ? mappings_max : NaN):(of("addresses", "vsz_kib")) with points pointtype 2 pointsize 1.3 linewidth 3 linecolor rgb blue notitle
@drop_title

unset logscale y
set lmargin at screen 0.42
set rmargin at screen 0.65
set label 10 "{/:Bold A limit of 256 MiB reached}" enhanced
set xlabel "mappings made (16 MiB each)" textcolor rgb ink
set xrange [0:allowed_max * 1.1]
set xtics 4
set ylabel "MiB" textcolor rgb ink offset 1,0
set yrange [0:300]
set ytics 64
set arrow 1 from graph 0, first 256 to graph 1, first 256 nohead dashtype 2 linecolor rgb grey
set label 1 "mmap: ENOMEM" at allowed_max * 1.08, 277 right textcolor rgb blue
set label 2 "free memory" at allowed_max * 1.08, 75 right textcolor rgb green
set label 3 "RSS" at allowed_max * 1.08, 12 right textcolor rgb orange
set label 4 "VSZ" at 6, 135 textcolor rgb blue
plot csv using (of("limit", "step")):(of("limit", "vsz_kib") / 1024) with lines linewidth 3 linecolor rgb blue notitle, \
	"" using (of("limit", "step")):(of("limit", "free_kib") / 1024) with lines linewidth 3 linecolor rgb green notitle, \
	"" using (of("limit", "step")):(of("limit", "rss_kib") / 1024) with lines linewidth 3 linecolor rgb orange notitle, \
	"" using (of("limit", "step") == allowed_max ? allowed_max : NaN):(of("limit", "vsz_kib") / 1024) with points pointtype 2 pointsize 1.3 linewidth 3 linecolor rgb blue notitle
unset arrow 1

set lmargin at screen 0.71
set rmargin at screen 0.96
set label 10 "{/:Bold All memory touched}" enhanced
set xlabel "MiB touched" textcolor rgb ink
set xrange [0:frames_max / 1024 * 1.15]
set xtics 16
set yrange [0:80]
set ytics 16
set label 1 "no frame for the next touch:\nSIGKILL" at frames_max / 1024 * 1.13, 70 right textcolor rgb orange
set label 2 "free memory" at 10, 54 left textcolor rgb green
set label 3 "RSS" at 41, 46 right textcolor rgb orange
set label 4 sprintf("VSZ: %.0f MiB all the time", reserved_max / 1024) at 2, 77 left textcolor rgb blue
plot csv using (of("frames", "step")):(of("frames", "free_kib") / 1024) with lines linewidth 3 linecolor rgb green notitle, \
	"" using (of("frames", "step")):(of("frames", "rss_kib") / 1024) with lines linewidth 3 linecolor rgb orange notitle, \
	"" using (of("frames", "rss_kib") == frames_max ? column("step") : NaN):(column("rss_kib") / 1024) with points pointtype 2 pointsize 1.3 linewidth 3 linecolor rgb orange notitle
unset multiplot
