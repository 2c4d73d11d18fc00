// Where everything goes. Each open group is laid out by itself, as Sugiyama, Tagawa and Toda (1981)
// lay out a graph: what it holds gets ranks (longest path), a wire that passes a rank gets a place
// there, rows are ordered by the mean of their neighbours, and places are the nearest to those means
// that keep the order (isotonic regression). A wire into or out of a group enters at its edge.
'use strict';
const kGap = 18, kRowGap = 30, kPad = 14, kHead = 26;

// The boxes as a tree; `open` says what shows its inside.
function treeOf(data) {
  const boxes = data.boxes.map((b, id) => ({...b, id, kids: [], open: false}));
  for (const b of boxes) if (b.parent >= 0) boxes[b.parent].kids.push(b);
  for (let i = boxes.length - 1; i >= 0; --i) {
    const b = boxes[i];
    b.total = b.group ? b.kids.reduce((n, k) => n + k.total, 0) : 1;
    b.bad = b.finding || b.kids.some(k => k.bad);
  }
  return boxes;
}

const chainOf = (boxes, b) => {
  const chain = [];
  for (let at = b; at; at = at.parent >= 0 ? boxes[at.parent] : null) chain.unshift(at);
  return chain;
};

// Arrows between what can be seen, each with the groups it leaves and enters on its way.
function visibleArrows(boxes, arrows) {
  const shown = b => {
    const chain = chainOf(boxes, b), shut = chain.findIndex(g => g.group && !g.open);
    return shut < 0 ? chain : chain.slice(0, shut + 1);
  };
  const seen = new Set(), result = [];
  for (const [from, to] of arrows) {
    const a = shown(boxes[from]), b = shown(boxes[to]);
    const x = a[a.length - 1], y = b[b.length - 1], key = x.id + ' ' + y.id;
    if (x === y || a.includes(y) || b.includes(x) || seen.has(key)) continue;
    seen.add(key);
    let common = 0;
    while (a[common + 1] && a[common + 1] === b[common + 1]) ++common;
    result.push({from: x, to: y, a, b, common});
  }
  return result;
}

// The wires of one group: source key -> where it starts (a child, or null: the upper edge) and the
// children it ends at (null: the lower edge).
function wiresOf(group, arrows) {
  const wires = new Map();
  const add = (key, from, to) => {
    if (!wires.has(key)) wires.set(key, {key, from, to: new Set()});
    wires.get(key).to.add(to);
  };
  for (const arrow of arrows) {
    const i = arrow.a.indexOf(group), j = arrow.b.indexOf(group);
    const out = i >= 0 && i + 1 < arrow.a.length, into = j >= 0 && j + 1 < arrow.b.length;
    if (out && into && i === arrow.common) add(arrow.from.id, arrow.a[i + 1], arrow.b[j + 1]);
    else if (out && i > arrow.common) add(arrow.from.id, arrow.a[i + 1], null);
    else if (into && j > arrow.common) add(arrow.from.id, null, arrow.b[j + 1]);
  }
  return [...wires.values()];
}

// Longest paths from above; then what nothing leads to moves down to its first use.
function rank(kids, wires) {
  for (const k of kids) k.rank = 0;
  for (let round = 0, moved = true; moved && round <= kids.length; ++round) {
    moved = false;
    for (const w of wires) {
      for (const to of w.to) {
        if (w.from && to && to.rank <= w.from.rank) { to.rank = w.from.rank + 1; moved = true; }
      }
    }
  }
  const led = new Set(wires.filter(w => w.from).flatMap(w => [...w.to]));
  for (const k of kids) {
    const uses = wires.filter(w => w.from === k).flatMap(w => [...w.to]).filter(t => t);
    if (!led.has(k) && uses.length) k.rank = Math.max(0, Math.min(...uses.map(u => u.rank)) - 1);
  }
}

// Rows of children and of the places where wires pass; links between neighbouring rows.
function rowsOf(group, wires) {
  const last = Math.max(0, ...group.kids.map(k => k.rank));
  const rows = Array.from({length: last + 1}, () => []);
  group.kids.forEach((k, i) => { k.order = i; k.up = []; k.down = []; rows[k.rank].push(k); });
  const link = (a, b) => { if (a && b) { a.down.push(b); b.up.push(a); } };
  for (const w of wires) {
    w.at = new Map();
    const first = w.from ? w.from.rank + 1 : 0;
    const end = w.to.has(null) ? last + 1 : Math.max(...[...w.to].map(t => t.rank));
    let above = w.from;
    for (let r = first; r < end; ++r) {
      const place = {passes: true, w: 6, h: 0, up: [], down: [],
                     order: w.from ? w.from.order : [...w.to].filter(t => t)[0].order};
      rows[r].push(place);
      w.at.set(r, place);
      link(above, place);
      above = place;
    }
    for (const to of w.to) if (to) link(w.at.get(to.rank - 1) || w.from, to);
  }
  return rows;
}

const mean = list => list.reduce((s, v) => s + v, 0) / list.length;

function orderRows(rows) {
  for (const row of rows) row.sort((a, b) => a.order - b.order);
  const number = row => row.forEach((item, i) => { item.place = i - row.length / 2; });
  rows.forEach(number);
  for (let sweep = 0; sweep < 8; ++sweep) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      for (const item of row) {
        const near = down ? item.up : item.down;
        item.wish = near.length ? mean(near.map(n => n.place)) : item.place;
      }
      row.sort((a, b) => a.wish - b.wish || a.order - b.order);
      number(row);
    }
  }
}

// The places nearest to the wishes (least squares) that keep the order and the gaps.
function spread(row, wish) {
  let offset = 0;
  const blocks = [];
  row.forEach((item, i) => {
    if (i) offset += (row[i - 1].w + item.w) / 2 + (row[i - 1].passes || item.passes ? 9 : kGap);
    item.offset = offset;
    const weight = item.passes ? 3 : 1;
    let block = {sum: weight * (wish(item) - offset), weight, items: [item]};
    while (blocks.length && blocks[blocks.length - 1].sum / blocks[blocks.length - 1].weight >
                                block.sum / block.weight) {
      const before = blocks.pop();
      block = {sum: before.sum + block.sum, weight: before.weight + block.weight,
               items: before.items.concat(block.items)};
    }
    blocks.push(block);
  });
  for (const b of blocks) for (const item of b.items) item.x = b.sum / b.weight + item.offset;
}

function placeRows(rows) {
  for (const row of rows) spread(row, () => 0);
  for (let sweep = 0; sweep < 24; ++sweep) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      spread(row, item => {
        const near = sweep > 20 ? item.up.concat(item.down) : down ? item.up : item.down;
        return near.length ? mean(near.map(n => n.x)) : item.x;
      });
    }
  }
}

// Lays out a group and all in it; x and y are relative to the group's corner.
function layoutGroup(group, arrows, measure) {
  for (const k of group.kids) {
    if (k.group && k.open) layoutGroup(k, arrows, measure); else measure(k);
  }
  const wires = group.wires = wiresOf(group, arrows);
  rank(group.kids, wires);
  const rows = rowsOf(group, wires);
  orderRows(rows);
  placeRows(rows);
  let y = kHead + 8;
  for (const row of rows) {
    const height = Math.max(8, ...row.map(item => item.h));
    for (const item of row) {
      item.rowTop = y;
      item.rowBottom = y + height;
      item.top = item.passes ? y : y + (height - item.h) / 2;
      item.bottom = item.passes ? y + height : item.top + item.h;
    }
    y += height + kRowGap;
  }
  const all = rows.flat(), left = Math.min(...all.map(i => i.x - i.w / 2));
  for (const item of all) item.x -= left - kPad;
  group.w = Math.max(measure.title(group), Math.max(0, ...all.map(i => i.x + i.w / 2)) + kPad);
  group.h = y - kRowGap + kPad;
  group.places = all.filter(i => i.passes);
}

// Turns relative places into absolute ones.
function settle(group, left, top) {
  for (const item of [...group.kids, ...group.places]) {
    item.ax = left + item.x;
    item.atop = top + item.top;
    item.abottom = top + item.bottom;
    item.arowTop = top + item.rowTop;
    item.arowBottom = top + item.rowBottom;
  }
  for (const k of group.kids) if (k.group && k.open) settle(k, k.ax - k.w / 2, k.atop);
}

// The points an arrow passes. It leaves and enters rows straight up and down, in its own column, so
// that it bends only where nothing stands.
function route(arrow) {
  const {a, b, common} = arrow, points = [];
  const places = (group, from, to) => {
    const wire = group.wires.find(w => w.key === arrow.from.id);
    return [...(wire ? wire.at : [])]
        .filter(([r]) => (!from || r > from.rank) && (!to || r < to.rank))
        .map(([, place]) => place);
  };
  const pass = list => { for (const p of list) points.push([p.ax, p.atop], [p.ax, p.abottom]); };
  points.push([arrow.from.ax, arrow.from.abottom], [arrow.from.ax, arrow.from.arowBottom]);
  for (let i = a.length - 2; i > common; --i) {
    pass(places(a[i], a[i + 1], null));
    const x = points[points.length - 1][0];
    points.push([x, a[i].abottom], [x, a[i].arowBottom]);
  }
  pass(places(a[common], a[common + 1], b[common + 1]));
  for (let j = common + 1; j + 1 < b.length; ++j) {
    const inside = places(b[j], null, b[j + 1]);
    const x = inside.length ? inside[0].ax : b[j + 1].ax;
    points.push([x, b[j].arowTop], [x, b[j].atop]);
    pass(inside);
  }
  points.push([arrow.to.ax, arrow.to.arowTop], [arrow.to.ax, arrow.to.atop]);
  return points;
}
