"""The map of a model's latents (`view.latent_map`) as something to press. It lives in the browser and tells only places.

"click" comes with "x,y", or with "x,y,x,y" where the person walks from place to place; "clear" when they leave the map.
"""

import gradio as gr

# A mark at the last place of "x,y" or "x,y,x,y", and the way to it.
_MARK = """(field, place) => {
  const numbers = (place || '').split(',').filter(Boolean).map(Number), mark = field.querySelector('.map-mark');
  const pairs = numbers.length % 2 ? [] : numbers.reduce((all, n, at) => at % 2 ? all : [...all, [n, -numbers[at + 1]]], []);
  const [x, y] = pairs.at(-1) || [0, 0];
  field.dataset.place = place || '';
  mark.toggleAttribute('hidden', !pairs.length);
  mark.setAttribute('cx', x); mark.setAttribute('cy', y);
  field.querySelector('.map-way').setAttribute('points', pairs.length > 1 ? pairs.join(' ') : '');
}"""

_PRESS = f"""
const mark = {_MARK}, last = (field) => field.dataset.place.split(',').slice(-2).join();
let cursor = null;
const field = () => element.querySelector('.map-field');
const tell = (place) => {{
  const from = last(field()), walks = element.querySelector('[name=walks]').checked && from;
  trigger('click', {{action: 'place', id: walks ? from + ',' + place : place}});
}};
const show = () => {{ const one = field(); if (one && !one.isMarked) {{ one.isMarked = true; cursor = null; mark(one, one.dataset.place); }} }};
new MutationObserver(show).observe(element, {{childList: true, subtree: true}});
show();
element.addEventListener('click', (event) => {{
  const one = event.target.closest('.map-field');
  if (event.target.name === 'leave') trigger('clear');
  if (!one) return;
  cursor = null;
  const box = one.getBoundingClientRect(), reach = Number(one.dataset.reach);
  const x = ((event.clientX - box.left) / box.width * 2 - 1) * reach, y = (1 - (event.clientY - box.top) / box.height * 2) * reach;
  tell(x.toFixed(2) + ',' + y.toFixed(2));
}});
element.addEventListener('change', (event) => {{
  if (event.target.name === 'dots') field().classList.toggle('bare', !event.target.checked);
}});
element.addEventListener('keydown', (event) => {{
  const one = event.target.closest('.map-field'), by = {{ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}}[event.key];
  if (!one || !(by || event.key === 'Enter')) return;
  event.preventDefault();
  const reach = Number(one.dataset.reach), kept = one.dataset.place;
  cursor = cursor || (kept ? last(one).split(',').map(Number) : [0, 0]);
  if (by) {{ cursor = cursor.map((n, at) => Math.max(-reach, Math.min(reach, n + by[at] * 0.1))); mark(one, cursor.map((n) => n.toFixed(2)).join()); one.dataset.place = kept; }}
  else {{ const place = cursor.map((n) => n.toFixed(2)).join(); cursor = null; tell(place); }}
}});"""

# Shows where the last picture was drawn, also when its settings come from elsewhere.
MARK_PLACE = f"""(place) => {{ const field = document.querySelector('#image-map .map-field'); if (field) ({_MARK})(field, place); }}"""


def map_box(elem_id: str) -> gr.HTML:
    return gr.HTML("", js_on_load=_PRESS, elem_id=elem_id)
