# SPDX-License-Identifier: MIT
#
# `experiment isolation`: a table of attempts and answers.
load "tools/plots/style.gp"
csv = ARG1
height = 560
@start_picture

stats csv using "number" name "tried" nooutput
stats csv using "reached" name "reached" nooutput
TITLE = sprintf("%d ways to another process's memory, and %s of them leads there", tried_max, reached_sum == 0 ? "none" : sprintf("%d", reached_sum))
SUBTITLE = "one process has a secret, at a known address and in a known frame; another one, the superuser's, tries to get it"
@put_title

unset border
unset grid
unset key
unset xtics
unset ytics
set tmargin at screen 0.82
set bmargin at screen 0.04
set lmargin at screen 0.03
set rmargin at screen 0.97
set xrange [0:1]
set yrange [tried_max + 0.6:0.4]
set style fill solid 1 noborder
mark(reached) = reached > 0 ? "✔" : "✘"
shade(number) = int(number) % 2 ? 0xF3F3F3 : 0xFFFFFF
set label 10 "attempt" at 0.06, 0.2 textcolor rgb grey
set label 11 "answer" at 0.60, 0.2 textcolor rgb grey
plot csv using (0.5):(column("number")):(0):(1):(column("number") - 0.5):(column("number") + 0.5):(shade(column("number"))) with boxxyerror linecolor rgb variable, \
	"" using (0.035):(column("number")):(mark(column("reached"))):(column("reached") > 0 ? 0xD55E00 : 0x009E73) with labels textcolor rgb variable font font_name.",16", \
	"" using (0.06):(column("number")):(strcol("attempt")) with labels left textcolor rgb ink noenhanced, \
	"" using (0.60):(column("number")):(strcol("answer")) with labels left textcolor rgb ink noenhanced
