# SPDX-License-Identifier: MIT
#
# What all pictures have in common; tools/plots/__init__.py says how a script is run. Colours are
# those of Okabe and Ito, which the colour-blind tell apart.
set datafile separator ","
set encoding utf8
width = 960
height = 560
font_name = "sans-serif"

blue = "#0072B2"
orange = "#D55E00"
green = "#009E73"
yellow = "#E69F00"
sky = "#56B4E9"
pink = "#CC79A7"
ink = "#222222"
grey = "#6E6E6E"
pale = "#D9D9D9"

# Called once the size is settled.
start_picture = 'set terminal svg size width,height fixed background "white" font font_name.",14" linewidth 1; set output ARG2'

set border 3 linecolor rgb grey
set tics nomirror textcolor rgb ink scale 0.5
set grid ytics linecolor rgb pale linewidth 1 linetype 1
set key textcolor rgb ink noenhanced samplen 2.5
set lmargin 11
set rmargin 4

# TITLE says what was found, SUBTITLE what was done: the two lines at the upper left of a picture.
# In a multiplot they are dropped after its first panel.
put_title = 'set label 1001 "{/:Bold ".TITLE."}" at screen 0.02, screen 0.955 font font_name.",19" textcolor rgb ink enhanced; \
	set label 1002 SUBTITLE at screen 0.02, screen 0.905 font font_name.",14" textcolor rgb grey noenhanced'
drop_title = 'unset label 1001; unset label 1002'
