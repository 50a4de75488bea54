# SPDX-License-Identifier: MIT
#
# `experiment one-address`: which frame each page of a program lies in, in three processes.
load "tools/plots/style.gp"
csv = ARG1
height = 720
@start_picture

# Pages come in the same order for each process: rows are counted from the top.
array frame_0[200]
array frame_1[200]
array frame_2[200]
rows = 0
process = -1
row = 0
next_row(number) = (row = (number == process ? row + 1 : 1), process = number, rows = (row > rows ? row : rows), row)
array pid[3]
keep(number, frame) = (pid[number + 1] = column("pid"), next_row(number), number == 0 ? (frame_0[row] = frame) : number == 1 ? (frame_1[row] = frame) : (frame_2[row] = frame))
stats csv using (keep(column("process"), column("frame"))) nooutput
common(at) = frame_0[at] == frame_1[at] && frame_1[at] == frame_2[at]
own = 0; mark = 0
do for [at=1:rows] { if (!common(at)) { own = own + 1 } }
found = 0
find(text) = (next_row(column("process")), text ne "-" ? (found = row) : 0)
process = -1
stats csv using (find(strcol("text"))) nooutput

TITLE = "One address, three processes, three frames"
SUBTITLE = sprintf("the %d pages of one program in memory: %d in frames of each process's own, %d in one frame for all three", rows, own, rows - own)
@put_title

unset border
unset grid
unset key
set tmargin at screen 0.83
set bmargin at screen 0.04
set lmargin at screen 0.02
set rmargin at screen 0.97
set xrange [-1.05:3.75]
set yrange [rows + 0.5:0.5]
unset xtics
unset ytics
set style fill solid 1 noborder
colour(number, at) = common(at) ? 0xD9D9D9 : number == 0 ? 0x0072B2 : number == 1 ? 0xD55E00 : 0x009E73
name(number) = sprintf("process %d", pid[number + 1])
set for [number=0:2] label 10 + number name(number) at number, 0 center textcolor rgb word(blue." ".orange." ".green, number + 1)
set label 20 "address" at -0.52, 0 right textcolor rgb grey
set object 1 rectangle from -0.47, found - 0.5 to 2.47, found + 0.5 fillstyle empty border linecolor rgb ink linewidth 3 front
set label 30 "one address: here each \nreads what it wrote itself" at 2.6, found - 0.25 textcolor rgb ink
set label 31 "in each page, the number\nof its frame\n\ngrey: the same frame, which\nnobody has written to:\ncode, constants, and data\nas it is in the file" at 2.6, 3 textcolor rgb grey
set label 32 "in colour: written to, and so\na frame of its own" at 2.6, found + 2.2 textcolor rgb ink
dark(at) = common(at) ? 0x444444 : 0xFFFFFF
plot process = -1, \
	csv using (column("process")):(next_row(column("process"))):(column("process") - 0.47):(column("process") + 0.47):(row - 0.44):(row + 0.44):(colour(column("process"), row)) with boxxyerror linecolor rgb variable, \
	process = -1, \
	csv using (column("process")):(next_row(column("process"))):(sprintf("%#x%s", column("frame"), strcol("text") ne "-" ? ": \"".strcol("text")."\"" : "")):(dark(row)) with labels textcolor rgb variable font font_name.",12" noenhanced, \
	process = -1, \
	csv using (column("process") == 0 ? -0.52 : NaN):(next_row(column("process"))):(strcol("address")) with labels right textcolor rgb ink font font_name.",12" noenhanced
