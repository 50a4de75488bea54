# SPDX-License-Identifier: MIT
"""A flame graph of folded stacks: one SVG that needs nothing else. A click on a frame fills the
width with it, a click on the title goes back; the field on the right marks what matches."""
import html
import zlib

WIDTH, ROW, TOP, SIDE, LETTER = 1200, 18, 54, 10, 6.6

SCRIPT = """
var frames = [].slice.call(document.querySelectorAll('g.f')), all = 1200 - 20;
function place(g, from, span) {
  var x = (g.dataset.x - from) / span * all, w = g.dataset.w / span * all;
  var r = g.querySelector('rect'), t = g.querySelector('text');
  var left = Math.max(0, x), right = Math.min(all, x + w);
  g.style.display = right - left < 0.3 ? 'none' : '';
  r.setAttribute('x', 10 + left); r.setAttribute('width', Math.max(0, right - left));
  t.setAttribute('x', 13 + left);
  var room = Math.floor((right - left - 6) / 6.6), n = g.dataset.n;
  t.textContent = room < 3 ? '' : n.length <= room ? n : n.slice(0, room - 2) + '..';
}
function zoom(from, span, depth) {
  frames.forEach(function (g) {
    place(g, from, span);
    g.classList.toggle('above', +g.dataset.d < depth);
  });
}
frames.forEach(function (g) {
  g.addEventListener('click', function () { zoom(+g.dataset.x, +g.dataset.w, +g.dataset.d); });
});
document.getElementById('title').addEventListener('click', function () { zoom(0, 1, 0); });
document.getElementById('find').addEventListener('click', function () {
  var what = prompt('Mark functions whose name contains:', ''), sum = 0, end = -1;
  frames.forEach(function (g) {
    var hit = what && g.dataset.n.toLowerCase().indexOf(what.toLowerCase()) >= 0;
    g.classList.toggle('hit', !!hit);
    if (hit && +g.dataset.x >= end) { sum += +g.dataset.w; end = +g.dataset.x + +g.dataset.w; }
  });
  document.getElementById('found').textContent =
    what ? 'marked: ' + (100 * sum).toFixed(1) + ' %' : '';
});
"""

STYLE = """
text { font: 11px Menlo, Consolas, monospace; fill: #1a1a1a; pointer-events: none; }
#title { font-size: 16px; font-weight: bold; } #title, #find { pointer-events: all; cursor: pointer; }
g.f { cursor: pointer; } g.f:hover rect { stroke: #000; } rect { stroke: #fff; stroke-width: .5; }
g.above { opacity: .5; } g.hit rect { fill: #c026d3; } g.hit text { fill: #fff; }
"""


class Node:
    def __init__(self):
        self.total = 0
        self.own = 0
        self.children = {}


def tree(sums):
    root = Node()
    for stack, amount in sums.items():
        node = root
        node.total += amount
        for name in stack:
            node = node.children.setdefault(name, Node())
            node.total += amount
        node.own += amount
    return root


def colour(name):
    """Functions in warm colours, always the same one for a name; answers of the kernel in cold."""
    hashed = zlib.crc32(name.encode())
    if name.startswith("("):
        return f"hsl({190 + hashed % 50},55%,{66 + hashed // 64 % 12}%)"
    return f"hsl({8 + hashed % 40},{70 + hashed // 64 % 20}%,{60 + hashed // 4096 % 12}%)"


def depth_of(node):
    return 1 + max((depth_of(child) for child in node.children.values()), default=0)


def _frames(node, name, before, depth, whole):
    yield name, before, node.total, depth
    for child_name in sorted(node.children):
        child = node.children[child_name]
        yield from _frames(child, child_name, before, depth + 1, whole)
        before += child.total


def _frame(name, before, total, depth, whole, height, unit):
    inner = WIDTH - 2 * SIDE
    x, width = SIDE + before / whole * inner, total / whole * inner
    y = height - SIDE - (depth + 1) * ROW
    room = int((width - 6) / LETTER)
    shown = "" if room < 3 else name if len(name) <= room else name[:room - 2] + ".."
    title = f"{name}: {total:,} {unit}, {100 * total / whole:.2f} %"
    return (f'<g class="f" data-n="{html.escape(name)}" data-x="{before / whole:.9g}" '
            f'data-w="{total / whole:.9g}" data-d="{depth}"><title>{html.escape(title)}</title>'
            f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{ROW - 1}" rx="2" '
            f'fill="{colour(name)}"/><text x="{x + 3:.2f}" y="{y + 13}">{html.escape(shown)}'
            "</text></g>\n")


def write(sums, out, title, unit):
    root = tree(sums)
    height = TOP + depth_of(root) * ROW + SIDE
    out.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
              f'width="{WIDTH}" height="{height}">\n<style>{STYLE}</style>\n'
              f'<rect width="100%" height="100%" fill="#fdf8ef"/>\n'
              f'<text id="title" x="{WIDTH / 2}" y="26" text-anchor="middle">'
              f'{html.escape(title)}: {root.total:,} {unit}</text>\n'
              f'<text id="find" x="{WIDTH - SIDE}" y="26" text-anchor="end">Search</text>\n'
              f'<text id="found" x="{WIDTH - SIDE}" y="44" text-anchor="end"></text>\n')
    for name, before, total, depth in _frames(root, "all", 0, 0, root.total):
        out.write(_frame(name, before, total, depth, root.total, height, unit))
    out.write(f"<script><![CDATA[{SCRIPT}]]></script>\n</svg>\n")
