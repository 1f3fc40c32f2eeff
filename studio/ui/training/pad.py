"""A pad to draw on, or to open a picture on: black on white, 280 × 280 pixels. It lives in the browser."""

import gradio as gr

_PAD = """
const canvas = element.querySelector('canvas'), pen = canvas.getContext('2d');
let isDown = false;
const clear = () => { pen.fillStyle = '#fff'; pen.fillRect(0, 0, canvas.width, canvas.height); canvas.dataset.drawn = ''; };
const at = (event) => { const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height]; };
clear();
canvas.addEventListener('clear', clear);
canvas.addEventListener('pointerdown', (event) => { isDown = true; canvas.setPointerCapture(event.pointerId);
  pen.lineWidth = 20; pen.lineCap = pen.lineJoin = 'round'; pen.strokeStyle = '#000';
  pen.beginPath(); pen.moveTo(...at(event)); pen.lineTo(...at(event)); pen.stroke(); canvas.dataset.drawn = '1'; });
canvas.addEventListener('pointermove', (event) => { if (isDown) { pen.lineTo(...at(event)); pen.stroke(); } });
canvas.addEventListener('pointerup', () => { isDown = false; });
element.querySelector('input').addEventListener('change', async (event) => {
  const file = event.target.files[0];
  const picture = file ? await createImageBitmap(file).catch(() => null) : null;
  event.target.value = '';
  if (!picture) return;
  const side = Math.min(picture.width, picture.height);
  clear();
  pen.drawImage(picture, (picture.width - side) / 2, (picture.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
  canvas.dataset.drawn = '1'; });"""

# The second input becomes what is on the pad, as a data URL; "" where nothing is.
WITH_DRAWING = """(first, _, ...rest) => { const canvas = document.querySelector('.drawing-pad canvas');
  return [first, canvas?.dataset.drawn ? canvas.toDataURL('image/png') : '', ...rest]; }"""
CLEAR = "() => { document.querySelector('.drawing-pad canvas')?.dispatchEvent(new Event('clear')); }"


def pad(elem_id: str) -> gr.HTML:
    """The only one of its page."""
    html = '<canvas width="280" height="280"></canvas><input type="file" accept="image/*">'
    return gr.HTML(html, js_on_load=_PAD, elem_id=elem_id, elem_classes="drawing-pad")
