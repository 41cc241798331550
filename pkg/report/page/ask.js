// The images that a reader can ask about, and the answers. An image is its place on the sheet.
const atlas = (() => {
  const box = document.querySelector('#atlas');
  if (!box) return null;
  const head = JSON.parse(box.dataset.head);
  const size = head.sets.reduce((sum, set) => sum + set.count, 0);
  const packed = new Packed(box.dataset.packed);
  const pairs = packed.int32(2 * size);
  const images = [];
  const places = new Map();
  for (const set of head.sets) {
    for (let i = 0; i < set.count; i++) {
      const at = images.length;
      images.push({file: set.file, index: pairs[2 * at], label: pairs[2 * at + 1]});
      places.set(`${pairs[2 * at]} ${set.file}`, at);
    }
  }
  const ten = 10, unknown = 65534;
  const methods = head.methods.map(method => {
    const place = packed.uint16(ten * size), distance = packed.float32(ten * size);
    return {
      ...method,
      // neighbours returns the neighbours of an image, the nearest first. It returns null if none
      // were looked for.
      neighbours: image => {
        if (place[ten * image] === unknown) return null;
        const list = [];
        for (let i = ten * image; i < ten * (image + 1) && place[i] < unknown; i++) {
          list.push({place: place[i], distance: distance[i]});
        }
        return list;
      },
    };
  });
  const sheet = box.querySelector('img');
  const waiting = [];
  sheet.addEventListener('load', () => waiting.splice(0).forEach(draw => draw()));
  return {
    images, methods, sheet,
    width: head.width, height: head.height, among: head.among,
    files: [...new Set(head.sets.map(set => set.file))],
    // place returns the place of an image that is named by "index file".
    place: name => places.get(name),
    // ready calls draw as soon as the sheet can be drawn.
    ready: draw => {
      if (sheet.complete && sheet.naturalWidth) draw();
      else waiting.push(draw);
    },
    // paint draws an image on a canvas.
    paint: (context, image, x, y, width, height) => context.drawImage(sheet,
      image % head.across * head.width, Math.floor(image / head.across) * head.height,
      head.width, head.height, x, y, width, height),
    name: image => {
      const {index, label} = images[image];
      return `image ${number(index)}` + (label < 0 ? '' : `, label ${label}`);
    },
    known: image => methods.some(method => method.neighbours(image)),
  };
})();

// picture returns a canvas with an image.
const picture = image => {
  const canvas = element('canvas', {className: 'pixels', width: atlas.width,
    height: atlas.height, 'aria-hidden': 'true'});
  atlas.ready(() => atlas.paint(canvas.getContext('2d'), image, 0, 0, atlas.width, atlas.height));
  return canvas;
};

// shared counts the images that are in both lists.
const shared = (a, b) => a.filter(n => b.some(m => m.place === n.place)).length;

const listed = words => words.length < 2 ? words.join('')
  : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;

// comparison tells in sentences where the methods part.
const comparison = lists => {
  const full = lists.filter(({list}) => list.length);
  if (full.length < 2) return '';
  const nearest = new Map();
  for (const {method, list} of full) {
    const first = list[0].place;
    nearest.set(first, [...nearest.get(first) ?? [], method.name]);
  }
  let part = 0;
  while (full.every(({list}) => list[part]?.place === full[0].list[part]?.place) &&
    part < full[0].list.length) part++;
  const first = nearest.size === 1 ? 'All methods find the same nearest image'
    : `The nearest is ${listed(Array.from(nearest,
      ([image, names]) => `${atlas.name(image)} by ${listed(names)}`))}`;
  const from = nearest.size > 1 ? '.'
    : part === full[0].list.length ? ', and the same ten in the same order.'
      : `; they part at rank ${part + 1}.`;
  const all = new Set(full.flatMap(({list}) => list.map(n => n.place)));
  const finders = image => full.filter(({list}) => list.some(n => n.place === image)).length;
  const everywhere = [...all].filter(image => finders(image) === full.length).length;
  const once = [...all].filter(image => finders(image) === 1).length;
  const are = n => n === 0 ? 'No image is' : n === 1 ? '1 image is' : `${n} images are`;
  return `${first}${from} ${are(everywhere)} in ${full.length === 2 ? 'both' : 'all'} lists, ` +
    `${once || 'none'} in one only.`;
};

// The answer stands below the picture that was asked about, and moves with the next question.
const answer = (() => {
  if (!atlas || !atlas.methods.length) return null;
  const title = element('h3', {tabIndex: -1, id: 'answer'});
  const origin = element('p', {className: 'origin'});
  const parting = element('p', {className: 'parting'});
  const back = element('button', {type: 'button', textContent: 'Back'});
  const close = element('button', {type: 'button', textContent: 'Close'});
  const asked = element('div', {className: 'asked'});
  const columns = element('div', {className: 'lists'});
  const box = element('section', {className: 'answer', 'aria-labelledby': 'answer'},
    element('header', {}, asked, element('div', {}, title, origin, parting),
      element('div', {className: 'buttons'}, back, close)), columns,
    element('p', {className: 'key', textContent: 'Under each image: its label (✓ the same, ✗ ' +
      'another), its distance, and its rank by the other methods (– not among their ten). A ' +
      'dashed frame: found by this method only.'}));
  const history = [];
  const followers = [];
  let origins = null;

  const show = image => {
    const {file, label} = atlas.images[image];
    const lists = atlas.methods.map(method => ({method, list: method.neighbours(image)}))
      .filter(({list}) => list);
    title.textContent = `Nearest to ${atlas.name(image)}`;
    origin.textContent = `of ${file}; among ${number(atlas.among)} images of the data set`;
    parting.textContent = comparison(lists);
    back.disabled = history.length < 2;
    asked.replaceChildren(picture(image));
    columns.replaceChildren(...lists.map(({method, list}) => {
      const right = list.filter(n => atlas.images[n.place].label === label).length;
      const summary = [`${list.length} found`];
      if (label >= 0 && list.some(n => atlas.images[n.place].label >= 0)) {
        summary[0] = `${right} of ${list.length} with label ${label}`;
      }
      if (lists[0].method !== method) {
        summary.push(`${shared(list, lists[0].list)} shared with ${lists[0].method.name}`);
      }
      return element('section', {'aria-label': method.name},
        element('h4', {}, method.name, element('small', {textContent: ` ${method.of}`})),
        element('p', {textContent: summary.join(', ')}),
        element('ol', {}, ...list.map((n, rank) => neighbour(image, lists, method, n, rank))));
    }));
    followers.forEach(follow => follow(image, lists));
  };

  const neighbour = (image, lists, method, {place, distance}, rank) => {
    const {label} = atlas.images[place];
    const ranks = lists.filter(other => other.method !== method).map(other => {
      const at = other.list.findIndex(n => n.place === place);
      return {name: other.method.name, rank: at < 0 ? '–' : at + 1};
    });
    const same = label < 0 || atlas.images[image].label < 0 ? ''
      : label === atlas.images[image].label ? 'right' : 'wrong';
    const sign = {right: '✓ ', wrong: '✗ '}[same] ?? '';
    const far = distance.toLocaleString('en-US', {
      minimumFractionDigits: method.decimals, maximumFractionDigits: method.decimals,
    });
    const text = `${rank + 1} by ${method.name}: ${atlas.name(place)}, distance ` +
      `${far}; ` + ranks.map(({name, rank}) =>
      rank === '–' ? `not among the ten by ${name}` : `${rank} by ${name}`).join(', ');
    const button = element('button', {type: 'button', 'aria-label': text, title: text},
      element('span', {className: 'rank', textContent: rank + 1}), picture(place),
      element('span', {className: 'label', textContent: label < 0 ? '' : sign + label}),
      element('span', {className: 'distance', textContent: far}),
      element('span', {className: 'ranks'}, ...ranks.map(({name, rank}) =>
        element('span', {className: rank === '–' ? 'missing' : ''}, `${name} ${rank}`))));
    const item = element('li', {className: same, 'data-place': place}, button);
    if (ranks.length && ranks.every(({rank}) => rank === '–')) item.classList.add('alone');
    button.addEventListener('click', () => ask(place));
    const mark = on => columns.querySelectorAll(`[data-place="${place}"]`)
      .forEach(other => other.classList.toggle('same', on));
    for (const event of ['pointerenter', 'focus']) button.addEventListener(event, () => mark(true));
    for (const event of ['pointerleave', 'blur']) button.addEventListener(event, () => mark(false));
    return item;
  };

  // ask shows the answer about an image. It moves the answer behind the element after, if given.
  const ask = (image, after) => {
    if (after) {
      origins = document.activeElement;
      history.length = 0;
      after.after(box);
    }
    history.push(image);
    show(image);
    title.focus({preventScroll: true});
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    box.scrollIntoView({block: 'nearest', behavior: calm ? 'auto' : 'smooth'});
  };
  back.addEventListener('click', () => {
    history.pop();
    show(history[history.length - 1]);
    title.focus({preventScroll: true});
  });
  const end = () => {
    box.remove();
    followers.forEach(follow => follow(null, []));
    if (origins && origins.isConnected) origins.focus();
  };
  close.addEventListener('click', end);
  box.addEventListener('keydown', event => { if (event.key === 'Escape') end(); });
  return {ask, follow: f => followers.push(f), shown: () => history[history.length - 1]};
})();

// find returns the images that a person means by a text: a number, or "label" and a label. images
// are those among which it looks.
const find = (text, images) => {
  const label = /^\s*label\s*(\d+)\s*$/i.exec(text);
  if (label) return images.filter(image => image.label === Number(label[1]));
  const index = whole(text);
  return index === null ? [] : images.filter(image => image.index === index);
};

// whole returns the whole number that a text is, or null.
const whole = text => {
  const digits = /^\s*#?\s*(\d[\d,]*)\s*$/.exec(text);
  return digits && Number(digits[1].replaceAll(',', ''));
};

// The pictures of the page that can be asked about become buttons.
if (answer) {
  for (const tile of document.querySelectorAll('[data-ask]')) {
    const image = atlas.place(tile.dataset.ask);
    if (image === undefined || !atlas.known(image)) continue;
    const frame = tile.querySelector('.frame');
    const button = element('button', {type: 'button', className: 'frame',
      title: 'Show its ten nearest'}, ...frame.childNodes);
    frame.replaceWith(button);
    button.addEventListener('click', () =>
      answer.ask(image, tile.closest('.card, .ranked') ?? tile.closest('.tiles')));
  }

  const question = document.querySelector('.question');
  const home = document.querySelector('.home');
  const set = question.querySelector('.set');
  const which = question.querySelector('.which');
  const problem = question.querySelector('.problem');
  const askable = atlas.images.map((image, place) => ({...image, place}))
    .filter(({place}) => atlas.known(place));
  for (const file of atlas.files) {
    if (askable.some(image => image.file === file)) {
      set.append(element('option', {value: file, textContent: file}));
    }
  }
  let turn = 0, step = 0;
  const typed = () => {
    const found = find(which.value, askable.filter(image => image.file === set.value));
    if (found.length) {
      problem.textContent = '';
      answer.ask(found[turn++ % found.length].place, home);
      return;
    }
    if (/^\s*label/i.test(which.value)) {
      problem.textContent = 'No image here has this label.';
      return;
    }
    const numbers = askable.filter(image => image.file === set.value).map(image => image.index);
    const index = whole(which.value);
    const next = numbers.reduce((a, b) => Math.abs(b - index) < Math.abs(a - index) ? b : a);
    problem.textContent = index === null
      ? `Type a whole number from ${number(Math.min(...numbers))} to ` +
        `${number(Math.max(...numbers))}, or “label 7”.`
      : `This image is not among those of the page; the next one is ${number(next)}.`;
  };
  question.querySelector('.go').addEventListener('click', typed);
  which.addEventListener('keydown', event => { if (event.key === 'Enter') typed(); });
  which.addEventListener('input', () => { turn = 0; });
  question.querySelector('.other').addEventListener('click', () => {
    const all = askable.filter(image => image.file === set.value);
    const image = all[Math.floor(all.length * (++step * 0.618 % 1))];
    which.value = image.index;
    problem.textContent = '';
    answer.ask(image.place, home);
  });
}
