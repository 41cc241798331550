// Beside a narrow page there is no room for the contents, and above it they are in the way.
if (!matchMedia('(min-width: 76rem)').matches) document.querySelector('nav details').open = false;

// Shows the image of the dot of a scatter that the pointer is nearest to.
for (const scatter of document.querySelectorAll('.scatter')) {
  const svg = scatter.querySelector('svg');
  const dots = Array.from(svg.querySelectorAll('g circle'),
    dot => [dot.cx.baseVal.value, dot.cy.baseVal.value]);
  const here = svg.querySelector('.here');
  const sheet = scatter.querySelector('img');
  const frame = scatter.querySelector('.window');
  const across = Number(frame.style.getPropertyValue('--across'));
  const caption = scatter.querySelector('figcaption');
  const names = scatter.dataset.names.split('|');
  let shown = 0;
  const show = i => {
    shown = i;
    here.setAttribute('cx', dots[i][0]);
    here.setAttribute('cy', dots[i][1]);
    frame.style.setProperty('--column', i % across);
    frame.style.setProperty('--row', Math.floor(i / across));
    caption.textContent = names[i];
  };
  const follow = event => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    let best = 0, least = Infinity;
    dots.forEach(([u, v], i) => {
      const distance = (u - x) ** 2 + (v - y) ** 2;
      if (distance < least) [best, least] = [i, distance];
    });
    show(best);
  };
  svg.addEventListener('pointermove', follow);
  svg.addEventListener('pointerdown', follow);
  svg.addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    show((shown + step + dots.length) % dots.length);
  });
  show(0);
}
