/* Keeps the browser quiet while the page waits.

   A status tracker of gradio 6.31 counts the seconds of its wait by asking for a frame again and again, and the one of the
   page's first veil never stops, though nobody sees it: 60 frames a second as long as the page is open, a twentieth of a
   processor. A number of seconds needs one frame a second. What is returned for those is a timer's id and not a frame's:
   that status tracker is stopped by a flag of its own and cancels no frame. Gradio remembers the browser's function when its own scripts are
   read, so this one must run before them (studio/api/early.py). */
(() => {
  const COUNTS_SECONDS = /performance\.now\(\)[^;]*\/1e3/;
  const frame = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => COUNTS_SECONDS.test(draw) ? setTimeout(frame, 1000, draw) : frame(draw);
})();
