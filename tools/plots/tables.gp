# SPDX-License-Identifier: MIT
#
# `experiment tables`: bytes of page tables against bytes of memory, as trees and flat.
load "tools/plots/style.gp"
csv = ARG1
height = 640
@start_picture

of(name, what) = strcol("name") eq name ? column(what) * 1024 : NaN
process(what) = strcol("part") eq "process" ? column(what) * 1024 : NaN
stats csv using (of("dense", "tables_kib")) name "dense" nooutput
stats csv using (of("dense", "pages") / 1024) name "dense_pages" nooutput
stats csv using (of("one page in 512 GiB", "tables_kib") / of("one page in 512 GiB", "pages") * 1024) name "worst" nooutput
stats csv using (process("tables_kib")) name "processes" nooutput

TITLE = "A tree of tables follows the pages in use; a flat table follows the addresses"
SUBTITLE = sprintf("full lines: the real tables (VmPTE), %.1f bytes to %.0f KiB for each page; dashed: one flat table for the same range", dense_max / dense_pages_max, worst_max / 1024)
@put_title

set lmargin at screen 0.10
set rmargin at screen 0.97
set tmargin at screen 0.86
set bmargin at screen 0.12
set logscale xy 2
set xlabel "memory in use" textcolor rgb ink
set ylabel "page tables" textcolor rgb ink offset 0,0
set xrange [2**12:2**29]
set yrange [2**11:2**40]
set xtics ("4 KiB" 2**12, "64 KiB" 2**16, "1 MiB" 2**20, "16 MiB" 2**24, "64 MiB" 2**26)
set ytics ("4 KiB" 2**12, "64 KiB" 2**16, "1 MiB" 2**20, "16 MiB" 2**24, "256 MiB" 2**28, "4 GiB" 2**32, "64 GiB" 2**36, "256 GiB" 2**38)
unset key

set arrow 1 from 2**12, 2.0**38 to 2**29, 2.0**38 nohead linewidth 2 dashtype 2 linecolor rgb ink
set label 1 "a flat table for all 2^{47} bytes that a process can have" at 2**28.8, 2.0**39 right textcolor rgb ink enhanced
set label 2 "one page in 512 GiB" at 2**17.9, 2.0**20.6 right textcolor rgb pink
set label 3 "one page in 1 GiB" at 2**22.9, 2.0**24.9 right textcolor rgb orange
set label 4 "one page in 2 MiB\n(flat: the same)" at 2**24 * 1.15, 2.0**24 textcolor rgb green
set label 5 "pages side by side\n(flat: the same)" at 2**26 * 1.2, 2.0**17 textcolor rgb blue
set label 6 sprintf("real processes:\n%.0f to %.0f KiB", processes_min / 1024, processes_max / 1024) at 2**15.4, 2**12.9 textcolor rgb ink
set label 7 "flat, one page in 512 GiB" at 2**18 * 1.15, 2.0**35.9 textcolor rgb pink
set label 8 "flat, one page in 1 GiB" at 2**23 * 1.15, 2.0**32 textcolor rgb orange
plot for [i=1:4] csv using (of(word("dense 2 1 512", i) eq "dense" ? "dense" : sprintf("one page in %s", i == 2 ? "2 MiB" : i == 3 ? "1 GiB" : "512 GiB"), "mapped_kib")):(column("flat_kib") * 1024) with lines linewidth 2 dashtype 2 linecolor rgb word(blue." ".green." ".orange." ".pink, i), \
	csv using (of("one page in 512 GiB", "mapped_kib")):(column("tables_kib") * 1024) with linespoints linewidth 2.5 pointtype 7 pointsize 0.5 linecolor rgb pink, \
	csv using (of("one page in 1 GiB", "mapped_kib")):(column("tables_kib") * 1024) with linespoints linewidth 2.5 pointtype 7 pointsize 0.5 linecolor rgb orange, \
	csv using (of("one page in 2 MiB", "mapped_kib")):(column("tables_kib") * 1024) with linespoints linewidth 2.5 pointtype 7 pointsize 0.5 linecolor rgb green, \
	csv using (of("dense", "mapped_kib")):(column("tables_kib") * 1024) with linespoints linewidth 2.5 pointtype 7 pointsize 0.5 linecolor rgb blue, \
	csv using (process("mapped_kib")):(column("tables_kib") * 1024) with points pointtype 6 pointsize 1.2 linewidth 2 linecolor rgb ink
