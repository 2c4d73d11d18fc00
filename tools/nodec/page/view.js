// What is seen: the drawing, what shows on hover, what opens on a click.
const data = JSON.parse(document.getElementById('data').textContent);
const boxes = treeOf(data), drawing = document.getElementById('drawing');
const el = id => document.getElementById(id);
const canvas = document.createElement('canvas').getContext('2d');
const textWidth = (text, font) => { canvas.font = font; return canvas.measureText(text).width; };
const kFont = '12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif';
const kTypeFont = '10px ui-monospace, "DejaVu Sans Mono", Menlo, monospace';
const short = (text, most) => text.length > most ? text.slice(0, most - 1) + '\u2026' : text;

function measure(b) {
  b.text = b.group ? `\u25b8 ${b.label}` : short(b.label, 44);
  b.under = b.group ? `${b.total} ops` : short(b.type, 40);
  b.w = Math.max(textWidth(b.text, kFont), textWidth(b.under, kTypeFont), 24) + 18;
  b.h = b.under ? 36 : 24;
}
measure.title = b =>
    textWidth(`\u25be ${b.label}`, '600 ' + kFont) + textWidth(short(b.type, 40), kTypeFont) + 40;

// The program is open, and as much of it, level by level, as one can take in.
function openSome(most) {
  let seen = 0;
  const queue = [boxes[0]];
  boxes[0].open = true;
  while (queue.length) {
    const group = queue.shift();
    for (const k of group.kids) if (!k.group) ++seen;
    for (const k of group.kids) {
      if (!k.group || (seen + k.kids.length > most && !k.bad)) continue;
      k.open = true;
      queue.push(k);
    }
  }
}

const svg = (name, attrs, parent) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attrs)) node.setAttribute(key, value);
  parent.appendChild(node);
  return node;
};
const label = (parent, cls, x, y, text, anchor) => {
  svg('text', {class: cls, x, y, 'text-anchor': anchor}, parent).textContent = text;
};

function drawBox(b) {
  const shows = b.group && b.open;
  const cls = [shows ? 'group' : 'node', b.kind, b.group && !shows ? 'closed' : '', b.lost ? 'lost' : '',
               b.finding || (b.group && !shows && b.bad) ? 'finding' : ''].join(' ');
  const g = svg('g', {class: cls, 'data-id': b.id}, drawing);
  const left = b.ax - b.w / 2;
  svg('rect', {x: left, y: b.atop, width: b.w, height: b.h, rx: b.group ? 10 : 6}, g);
  b.element = g;
  if (shows) {
    if (b.parent >= 0) label(g, 'title', left + 10, b.atop + 17, `\u25be ${b.label}`, 'start');
    if (b.type) label(g, 'type', left + b.w - 10, b.atop + 16, short(b.type, 40), 'end');
    return;
  }
  label(g, b.group ? 'title' : '', b.ax, b.atop + (b.under ? 15 : 16), b.text, 'middle');
  if (b.under) label(g, 'type', b.ax, b.atop + 29, b.under, 'middle');
}

// Rows as high as their box leave points that stand twice.
function curve(way) {
  const points = way.filter(([x, y], i) => i === 0 || x !== way[i - 1][0] || y !== way[i - 1][1]);
  let path = `M${points[0][0]} ${points[0][1]}`;
  for (let i = 1; i < points.length; ++i) {
    const [x0, y0] = points[i - 1], [x, y] = points[i], middle = (y0 + y) / 2;
    path += x0 === x ? `L${x} ${y}` : `C${x0} ${middle} ${x} ${middle} ${x} ${y}`;
  }
  return path;
}

let arrows = [], scale = 1, size = [0, 0];
function drawAll() {
  arrows = visibleArrows(boxes, data.arrows);
  layoutGroup(boxes[0], arrows, measure);
  Object.assign(boxes[0], {ax: boxes[0].w / 2, atop: -12});
  settle(boxes[0], 0, -12);
  drawing.textContent = '';
  svg('path', {d: 'M0 0L7 3.5L0 7z', fill: 'var(--wire)'},
      svg('marker', {id: 'tip-of-wire', markerWidth: 7, markerHeight: 7, refX: 6, refY: 3.5, orient: 'auto',
                     markerUnits: 'userSpaceOnUse'}, svg('defs', {}, drawing)));
  const visit = (group, on) => { on(group); for (const k of group.kids) if (k.group && k.open) visit(k, on); };
  visit(boxes[0], drawBox);
  for (const arrow of arrows) {
    arrow.element = svg('path', {class: 'wire', d: curve(route(arrow)), 'marker-end': 'url(#tip-of-wire)'}, drawing);
  }
  visit(boxes[0], group => { for (const k of group.kids) if (!k.group || !k.open) drawBox(k); });
  size = [boxes[0].w, boxes[0].h];
  zoom(scale);
  search();
}

function zoom(to) {
  scale = to;
  drawing.setAttribute('viewBox', `0 0 ${size[0]} ${size[1]}`);
  drawing.setAttribute('width', size[0] * scale);
  drawing.setAttribute('height', size[1] * scale);
}
const fitting = () => Math.min(1, Math.max(.35, (el('stage').clientWidth - 4) / size[0]));

function search() {
  const word = el('find').value.toLowerCase();
  drawing.classList.toggle('searching', word !== '');
  const holds = b => (b.label + b.type + b.tip).toLowerCase().includes(word) || b.kids.some(holds);
  for (const b of boxes) if (b.element) b.element.classList.toggle('match', word !== '' && holds(b));
}

function reveal(b) {
  for (const group of chainOf(boxes, b)) if (group.group) group.open = true;
  drawAll();
  b.element.scrollIntoView({block: 'center', inline: 'center', behavior: 'smooth'});
}

const boxAt = event => {
  const g = event.target.closest('[data-id]');
  return g ? boxes[Number(g.dataset.id)] : null;
};
drawing.addEventListener('click', event => {
  const b = boxAt(event);
  if (!b || !b.group || b.parent < 0) return;
  if (b.open && event.target.tagName !== 'text') return;
  b.open = !b.open;
  drawAll();
});
drawing.addEventListener('mousemove', event => {
  const b = boxAt(event), tip = el('tip');
  const shows = b && b.tip && !(b.group && b.open && event.target.tagName !== 'text');
  tip.hidden = !shows;
  for (const arrow of arrows) {
    const hot = shows && (arrow.from === b || arrow.to === b);
    arrow.element.classList.toggle('hot', Boolean(hot));
  }
  if (!shows) return;
  tip.textContent = b.tip.trim();
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
  tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + 'px';
});
drawing.addEventListener('mouseleave', () => { el('tip').hidden = true; });
el('find').addEventListener('input', search);
el('open').onclick = () => { for (const b of boxes) b.open = b.group; drawAll(); };
el('close').onclick = () => { for (const b of boxes) b.open = b.id === 0; drawAll(); };
el('fit').onclick = () => zoom(fitting());
el('real').onclick = () => zoom(1);

document.title = `${data.model} after ${data.stage}`;
el('model').textContent = data.model;
el('about').textContent = `${data.program}, after ${data.stage}: ${data.ops} ops`;
const count = data.findings.length;
el('verdict').textContent = count === 0 ? 'no findings' : `${count} finding${count === 1 ? '' : 's'}`;
el('verdict').className = count === 0 ? 'good' : 'bad';
for (const text of data.findings) {
  const card = document.createElement('pre');
  card.textContent = text.trim();
  card.onclick = () => { const bad = boxes.find(b => b.finding && !b.group); if (bad) reveal(bad); };
  el('findings').appendChild(card);
}
el('legend').innerHTML = [['contract', 'product'], ['box', 'elementwise'], ['reduce', 'sum'], ['move', 'view'],
                          ['state', 'state'], ['port', 'value in or out']]
    .map(([v, what]) => `<span style="background: var(--${v})">${what}</span>`).join('') +
    'Parameters and numbers are written into the ops that use them. Hover for types and lines; click a title to open or close it.';
openSome(170);
drawAll();
zoom(fitting());
