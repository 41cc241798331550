// Each map of latent vectors: marks in the colours of their labels, or the images themselves where
// there is room.
for (const box of document.querySelectorAll('.scatter')) {
  const packed = new Packed(box.dataset.packed);
  const layouts = JSON.parse(box.dataset.layouts);
  const size = packed.view.byteLength / (8 + 4 * layouts.length);
  const pairs = packed.int32(2 * size);
  const points = Array.from({length: size}, (_, i) => ({
    index: pairs[2 * i], label: pairs[2 * i + 1],
    place: atlas?.place(`${pairs[2 * i]} ${box.dataset.file}`),
    found: false,
  }));
  for (const layout of layouts) {
    const places = packed.uint16(2 * size);
    layout.at = points.map((_, i) => [places[2 * i] / 65535, 1 - places[2 * i + 1] / 65535]);
  }
  // Points are drawn in a mixed order, so that no class covers the others.
  const order = points.map((_, i) => i).sort((a, b) =>
    (Math.imul(a, 2654435761) >>> 0) - (Math.imul(b, 2654435761) >>> 0));

  const map = box.querySelector('.map');
  const canvas = map.querySelector('canvas');
  const context = canvas.getContext('2d');
  const [axisX, axisY] = map.querySelectorAll('.axis');
  const lens = box.querySelector('.lens canvas');
  const name = box.querySelector('.name');
  const view = box.querySelector('.view');
  const note = box.querySelector('.note');
  const legend = Array.from(box.querySelectorAll('[data-label]'));
  const hidden = new Set();
  let layout = layouts[0];
  let zoom = 1, middle = [0.5, 0.5]; // of the view, in the unit of the places
  let width = 0, height = 0, here = -1, asked = [], colours, ink, paper;

  const scale = () => 0.94 * Math.min(width, height) * zoom;
  const toView = ([x, y]) =>
    [(x - middle[0]) * scale() + width / 2, (y - middle[1]) * scale() + height / 2];
  const shown = i => !hidden.has(points[i].label);
  const visible = () => order.filter(i => {
    if (!shown(i)) return false;
    const [x, y] = toView(layout.at[i]);
    return x > 0 && y > 0 && x < width && y < height;
  });

  // theme takes the colours from the style sheet, which follows the reader's theme.
  const theme = () => {
    const style = getComputedStyle(box);
    ink = style.color;
    paper = style.getPropertyValue('--raised');
    colours = new Map(legend.map(button =>
      [Number(button.dataset.label), getComputedStyle(button, '::before').backgroundColor]));
  };

  // arrange decides what to draw: the points in view, and whether they are pictures. A picture
  // needs about its own size of free room around it.
  let drawn = [], pictures = false, large = 0;
  const arrange = () => {
    drawn = visible();
    const side = Math.sqrt(width * height / Math.max(1, drawn.length));
    pictures = Boolean(atlas?.sheet.naturalWidth) && zoom > 1.5 && side > 30 &&
      drawn.every(i => points[i].place !== undefined);
    large = Math.min(56, 0.8 * side);
    view.textContent = `${number(drawn.length)} of ${number(size)} in view` +
      (pictures ? ', as pictures' : '');
  };

  const draw = () => {
    const sharp = devicePixelRatio || 1;
    canvas.width = width * sharp;
    canvas.height = height * sharp;
    context.scale(sharp, sharp);
    context.imageSmoothingEnabled = false;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    const font = Math.max(9, Math.min(15, width / 60 * Math.sqrt(zoom)));
    context.font = `600 ${font}px system-ui, sans-serif`;
    const some = points.some(point => point.found);
    for (const i of drawn) {
      const [x, y] = toView(layout.at[i]);
      const {label, place, found} = points[i];
      const colour = colours.get(label) ?? ink;
      context.globalAlpha = some && !found ? 0.18 : 1;
      context.fillStyle = context.strokeStyle = colour;
      if (pictures) {
        const tall = large * atlas.height / atlas.width;
        context.filter = dark.matches ? 'none' : 'invert(1)';
        atlas.paint(context, place, x - large / 2, y - tall / 2, large, tall);
        context.filter = 'none';
        context.lineWidth = 2;
        context.strokeRect(x - large / 2, y - tall / 2, large, tall);
        if (label >= 0) {
          context.font = '600 11px system-ui, sans-serif';
          const wide = context.measureText(label).width + 6;
          context.fillRect(x - large / 2, y - tall / 2, wide, 13);
          context.fillStyle = paper;
          context.fillText(label, x - large / 2 + wide / 2, y - tall / 2 + 7);
        }
      } else if (label >= 0) {
        context.fillText(label, x, y);
      } else {
        context.beginPath();
        context.arc(x, y, 3, 0, 7);
        context.fill();
      }
    }
    context.globalAlpha = 1;
    context.strokeStyle = ink;
    const ring = (i, radius, line) => {
      const [x, y] = toView(layout.at[i]);
      context.lineWidth = line;
      context.beginPath();
      context.arc(x, y, pictures ? large / 2 + radius : radius, 0, 7);
      context.stroke();
    };
    if (asked.length) {
      const from = toView(layout.at[asked[0]]);
      context.lineWidth = 1;
      context.globalAlpha = 0.6;
      for (const i of asked.slice(1)) {
        context.beginPath();
        context.moveTo(...from);
        context.lineTo(...toView(layout.at[i]));
        context.stroke();
      }
      context.globalAlpha = 1;
      asked.forEach((i, rank) => ring(i, rank ? 7 : 11, rank ? 1.5 : 3));
    }
    if (here >= 0 && shown(here)) ring(here, 9, 2);
  };

  let waiting = false;
  const redraw = () => {
    if (!width) return;
    arrange();
    if (!waiting) requestAnimationFrame(() => { waiting = false; draw(); });
    waiting = true;
  };

  // point shows the image of a point beside the map.
  const point = i => {
    if (i === here) return;
    here = i;
    if (i >= 0) {
      const {index, label, place} = points[i];
      name.textContent = `image ${number(index)}` + (label < 0 ? '' : `, label ${label}`);
      if (place !== undefined) {
        lens.width = atlas.width;
        lens.height = atlas.height;
        atlas.ready(() =>
          atlas.paint(lens.getContext('2d'), place, 0, 0, atlas.width, atlas.height));
      }
    }
    redraw();
  };
  const nearest = (x, y, within) => {
    let best = -1, least = within ** 2;
    for (const i of order) {
      if (!shown(i)) continue;
      const [u, v] = toView(layout.at[i]);
      const distance = (u - x) ** 2 + (v - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  };
  const askable = i => i >= 0 && answer !== null && points[i].place !== undefined &&
    atlas.known(points[i].place);
  const ask = i => {
    if (askable(i)) answer.ask(points[i].place, box);
  };
  box.parentElement.querySelector('.asks').hidden = !points.some((_, i) => askable(i));

  // zoomTo zooms around a place of the view, and keeps the points in reach.
  const zoomTo = (factor, x = width / 2, y = height / 2) => {
    const before = scale();
    zoom = Math.min(60, Math.max(1, zoom * factor));
    for (const [c, d] of [[0, x - width / 2], [1, y - height / 2]]) {
      middle[c] += d / before - d / scale();
    }
    moved();
  };
  const pan = (dx, dy) => {
    middle = [middle[0] - dx / scale(), middle[1] - dy / scale()];
    moved();
  };
  const moved = () => {
    middle = middle.map(m => zoom === 1 ? 0.5 : Math.min(1, Math.max(0, m)));
    canvas.style.touchAction = zoom === 1 ? 'pan-y' : 'none';
    redraw();
  };
  const whole = () => {
    zoom = 1;
    moved();
  };

  // One pointer drags, two zoom. A pointer that hardly moves asks.
  const pointers = new Map();
  let travelled = 0;
  const inside = event => {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  canvas.addEventListener('pointerdown', event => {
    if (!pointers.size) travelled = 0;
    pointers.set(event.pointerId, inside(event));
    if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', event => {
    const to = inside(event), from = pointers.get(event.pointerId);
    if (!from) {
      point(nearest(...to, 24));
      return;
    }
    travelled += Math.hypot(to[0] - from[0], to[1] - from[1]);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const far = p => Math.hypot(p[0] - other[0], p[1] - other[1]);
      zoomTo(far(to) / Math.max(1, far(from)), (to[0] + other[0]) / 2, (to[1] + other[1]) / 2);
    } else if (travelled > 5) {
      pan(to[0] - from[0], to[1] - from[1]);
    }
    pointers.set(event.pointerId, to);
  });
  canvas.addEventListener('pointerup', event => {
    if (pointers.delete(event.pointerId) && travelled <= 5) {
      const i = nearest(...inside(event), 24);
      point(i);
      ask(i);
    }
  });
  canvas.addEventListener('pointercancel', event => {
    pointers.delete(event.pointerId);
    travelled = Infinity;
  });
  // The wheel scrolls the page until the map is chosen.
  canvas.addEventListener('wheel', event => {
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoomTo(Math.exp(-event.deltaY / 300), ...inside(event));
  }, {passive: false});
  canvas.addEventListener('keydown', event => {
    const step = Math.min(width, height) / 8;
    const act = {
      '+': () => zoomTo(1.5), '=': () => zoomTo(1.5), '-': () => zoomTo(1 / 1.5),
      0: whole,
      ArrowLeft: () => pan(step, 0), ArrowRight: () => pan(-step, 0),
      ArrowUp: () => pan(0, step), ArrowDown: () => pan(0, -step),
      Enter: () => ask(here),
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
    if (event.key !== 'Enter') point(nearest(width / 2, height / 2, Infinity));
  });
  for (const [way, act] of [['in', () => zoomTo(1.5)], ['out', () => zoomTo(1 / 1.5)],
    ['all', whole]]) {
    box.querySelector(`[data-zoom=${way}]`).addEventListener('click', act);
  }

  const buttons = Array.from(box.querySelectorAll('.layouts button'));
  const choose = chosen => {
    layout = layouts[chosen];
    buttons.forEach((button, i) => button.setAttribute('aria-pressed', i === chosen));
    [axisX.textContent, axisY.textContent] = [layout.x, layout.y];
    note.textContent = layout.note;
    redraw();
  };
  buttons.forEach((button, i) => button.addEventListener('click', () => choose(i)));

  const toggle = (button, on) => {
    button.setAttribute('aria-pressed', on);
    hidden[on ? 'delete' : 'add'](Number(button.dataset.label));
    redraw();
  };
  for (const button of legend) {
    button.addEventListener('click', () =>
      toggle(button, button.getAttribute('aria-pressed') !== 'true'));
  }
  for (const [kind, on] of [['.all', true], ['.none', false]]) {
    box.querySelector(kind)?.addEventListener('click', () =>
      legend.forEach(button => toggle(button, on)));
  }

  // A number shows one image in the middle, a label all of its images.
  const field = box.querySelector('.find input');
  const seek = () => {
    const found = find(field.value, points);
    for (const point of points) point.found = false;
    for (const point of found) point.found = true;
    if (found.length === 1) {
      const i = points.indexOf(found[0]);
      zoom = Math.max(zoom, 8);
      middle = layout.at[i];
      moved();
      point(i);
    } else if (field.value.trim()) {
      name.textContent = found.length ? `${number(found.length)} images` : 'nothing found';
    }
    redraw();
    return found;
  };
  field.addEventListener('input', seek);
  field.addEventListener('keydown', event => {
    if (event.key === 'Enter') {
      const found = seek();
      if (found.length === 1) ask(points.indexOf(found[0]));
    }
    if (event.key === 'Escape') {
      field.value = '';
      seek();
    }
  });

  answer?.follow((image, lists) => {
    const at = new Map(points.map(({place}, i) => [place, i]));
    const found = new Set(lists.flatMap(({list}) => list.map(n => n.place)));
    asked = at.has(image) ? [image, ...found].filter(p => at.has(p)).map(p => at.get(p)) : [];
    redraw();
  });

  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', () => {
    theme();
    redraw();
  });
  const measure = () => {
    width = map.clientWidth;
    height = canvas.clientHeight;
    redraw();
  };
  theme();
  choose(0);
  new ResizeObserver(measure).observe(map);
  measure();
  atlas?.ready(redraw);
  point(order[0] ?? -1);
}
