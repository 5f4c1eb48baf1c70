"""The page of a flame graph: one HTML file that loads nothing. Click a box to widen it, search for a name."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 1em; color: #222; background: #fff; }
h1 { font-size: 1.2em; margin: 0 0 .3em; }
p { margin: .2em 0 .8em; max-width: 70em; }
#graph { position: relative; height: ${height}px; overflow: hidden; }
.f { position: absolute; height: 17px; box-sizing: border-box; border-right: 1px solid #fff; overflow: hidden;
 font: 12px/17px ui-monospace, monospace; white-space: pre; cursor: pointer; padding-left: 2px; border-radius: 2px; }
.f:hover { outline: 1px solid #000; }
.hit { background: #7a5cff !important; color: #fff; }
.out { display: none; }
#told { min-height: 1.4em; font: 12px ui-monospace, monospace; margin-top: .6em; }
</style>
</head>
<body>
<h1>$title</h1>
<p>$about</p>
<p><input id="find" type="search" placeholder="find a function" aria-label="find a function">
<button id="back" type="button">whole graph</button> <span id="share"></span></p>
<div id="graph">
$boxes
</div>
<div id="told"></div>
<script>
"use strict";
const boxes = [...document.querySelectorAll(".f")];
const number = (box, key) => parseFloat(box.dataset[key]);
const total = $count;
function widen(left, width, depth) {
  for (const box of boxes) {
    const l = number(box, "l"), w = number(box, "w"), d = number(box, "d");
    const around = d < depth && l <= left + 1e-6 && l + w >= left + width - 1e-6;
    const within = l >= left - 1e-6 && l + w <= left + width + 1e-6 && d >= depth;
    box.classList.toggle("out", !around && !within);
    box.style.left = around ? "0" : 100 * (l - left) / width + "%";
    box.style.width = around ? "100%" : 100 * w / width + "%";
  }
}
function find(text) {
  const hits = boxes.filter(box => text && box.textContent.toLowerCase().includes(text.toLowerCase()));
  const spans = hits.map(box => [number(box, "l"), number(box, "l") + number(box, "w")]).sort((a, b) => a[0] - b[0]);
  let sum = 0, end = 0;
  for (const [from, to] of spans) { sum += Math.max(0, to - Math.max(from, end)); end = Math.max(end, to); }
  for (const box of boxes) box.classList.toggle("hit", hits.includes(box));
  document.getElementById("share").textContent =
    text ? (100 * sum).toFixed(1) + " % of " + total + " looks are in what fits" : "";
}
for (const box of boxes) {
  box.addEventListener("click", () => widen(number(box, "l"), number(box, "w"), number(box, "d")));
  box.addEventListener("mouseover", () => { document.getElementById("told").textContent = box.title; });
}
document.getElementById("back").addEventListener("click", () => widen(0, 1, 0));
document.getElementById("find").addEventListener("input", event => find(event.target.value));
</script>
</body>
</html>
"""
