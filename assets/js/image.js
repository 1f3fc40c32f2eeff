/* What the Image tab does in the browser alone: the picture box with its brush, the large view, the comparison.

   The picture box is a gr.HTML (studio/ui/picture_box.py) whose value is {picture, mask, source}: data URLs, and the id
   of the creation that the picture is. A chosen file is first told to the server, which answers with a picture that is
   safe to show, or with a message. What stands in the box is kept in this browser alone, and brought back after a reload. */
(() => {
  const MASK_PIXELS = 1024, UNDO_STEPS = 20, LARGEST_BYTES = 50e6;

  // ── kept in this browser ──────────────────────────────────────────────────────────────────────────────────────────

  const shelf = (mode, act) => new Promise((done) => {
    try {
      const opening = indexedDB.open("studio-image", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("box");
      opening.onerror = () => done(null);
      opening.onsuccess = () => {
        const asked = act(opening.result.transaction("box", mode).objectStore("box"));
        asked.onsuccess = () => done(asked.result ?? null);
        asked.onerror = () => done(null);
      };
    } catch { done(null); }
  });
  const isPrivate = () => document.querySelector("#image-private input")?.checked ?? false;
  const keep = (value) => shelf("readwrite", (box) => isPrivate() ? box.delete("value") : box.put({ ...value }, "value"));
  const kept = () => shelf("readonly", (box) => box.get("value"));

  // ── the picture box ───────────────────────────────────────────────────────────────────────────────────────────────

  const load = (source) => new Promise((done, fail) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = fail;
    image.src = source;
  });

  window.studioPictureBox = (element, props, trigger, watch) => {
    const root = element.querySelector(".picture-box");
    const words = JSON.parse(root.dataset.words);
    const say = (key) => words[key][document.documentElement.lang.startsWith("zh") ? 1 : 0];
    const make = (tag, classes, parent) => {
      const made = document.createElement(tag);
      made.className = classes;
      parent.append(made);
      return made;
    };
    const button = (key, parent, act) => {
      const made = make("button", "item-button", parent);
      made.type = "button";
      made.dataset.tool = key;
      made.textContent = say(key);
      made.addEventListener("click", act);
      return made;
    };

    // 1. Its parts
    root.replaceChildren();
    const file = make("input", "", root);
    Object.assign(file, { type: "file", accept: "image/*", hidden: true });
    const empty = make("button", "picture-empty", root);
    empty.type = "button";
    empty.textContent = say("choose");
    const easel = make("div", "picture-easel", root);
    const picture = make("img", "picture-shown", easel);
    picture.alt = say("input");
    const layer = make("canvas", "picture-mask", easel);
    const tools = make("div", "picture-tools", root);
    const draw = layer.getContext("2d", { willReadFrequently: true });
    const brushes = make("div", "picture-brush", tools);
    const brush = button("brush", brushes, () => take(false));
    const eraser = button("eraser", brushes, () => take(true));
    const size = make("input", "", brushes);
    Object.assign(size, { type: "range", min: 2, max: 40, value: 12, title: say("brush_size") });
    size.setAttribute("aria-label", say("brush_size"));
    button("undo", brushes, () => {
      const before = steps.pop();
      if (before) draw.putImageData(before, 0, 0);
      told({ mask: mask() });
    });
    button("clear", brushes, () => { remember(); wipe(); told({ mask: "" }); });
    button("other", tools, () => file.click());
    button("remove", tools, () => told({ picture: "", mask: "", source: "" }, true));
    let isErasing = false, steps = [], last = null;
    const take = (erases) => {
      isErasing = erases;
      brush.setAttribute("aria-pressed", String(!erases));
      eraser.setAttribute("aria-pressed", String(erases));
    };
    take(false);

    // 2. What it holds
    const now = () => ({ picture: "", mask: "", source: "", ...(props.value || {}) });
    const told = (changes, redraws = false) => {
      props.value = { ...now(), ...changes };
      keep(props.value);
      if (redraws) show();
    };
    const wipe = () => draw.clearRect(0, 0, layer.width, layer.height);
    const remember = () => {
      steps = [...steps, draw.getImageData(0, 0, layer.width, layer.height)].slice(-UNDO_STEPS);
    };
    const show = async () => {
      const value = now();
      root.classList.toggle("is-empty", !value.picture);
      steps = [];
      if (!value.picture) { picture.removeAttribute("src"); return; }
      const image = await load(value.picture).catch(() => null);
      if (!image) return;
      picture.src = value.picture;
      const scale = Math.min(1, MASK_PIXELS / Math.max(image.naturalWidth, image.naturalHeight));
      layer.width = Math.max(1, Math.round(image.naturalWidth * scale));
      layer.height = Math.max(1, Math.round(image.naturalHeight * scale));
      easel.style.setProperty("--shape", image.naturalWidth / image.naturalHeight);
      if (value.mask) await paint(value.mask);
    };

    // 3. The mask: what is painted here is white there
    const colour = () => getComputedStyle(root).getPropertyValue("--studio-accent").trim() || "#226d5f";
    const paint = async (source) => {
      const image = await load(source).catch(() => null);
      if (!image) return;
      draw.drawImage(image, 0, 0, layer.width, layer.height);
      const data = draw.getImageData(0, 0, layer.width, layer.height);
      for (let at = 0; at < data.data.length; at += 4) data.data[at + 3] = data.data[at] > 127 ? 255 : 0;
      draw.putImageData(data, 0, 0);
      draw.globalCompositeOperation = "source-in";
      draw.fillStyle = colour();
      draw.fillRect(0, 0, layer.width, layer.height);
      draw.globalCompositeOperation = "source-over";
    };
    const mask = () => {
      const data = draw.getImageData(0, 0, layer.width, layer.height);
      let isPainted = false;
      for (let at = 0; at < data.data.length; at += 4) {
        const white = data.data[at + 3] > 127 ? 255 : 0;
        isPainted ||= white > 0;
        data.data[at] = data.data[at + 1] = data.data[at + 2] = white;
        data.data[at + 3] = 255;
      }
      if (!isPainted) return "";
      const made = document.createElement("canvas");
      made.width = layer.width;
      made.height = layer.height;
      made.getContext("2d").putImageData(data, 0, 0);
      return made.toDataURL("image/png");
    };
    const at = (event) => {
      const box = layer.getBoundingClientRect();
      return [(event.clientX - box.left) * layer.width / box.width, (event.clientY - box.top) * layer.height / box.height];
    };
    const stroke = (event) => {
      const [x, y] = at(event);
      draw.globalCompositeOperation = isErasing ? "destination-out" : "source-over";
      draw.strokeStyle = draw.fillStyle = colour();
      draw.lineWidth = Number(size.value) / 100 * Math.max(layer.width, layer.height);
      draw.lineCap = draw.lineJoin = "round";
      draw.beginPath();
      draw.moveTo(...(last || [x, y]));
      draw.lineTo(x, y + 0.01);
      draw.stroke();
      draw.globalCompositeOperation = "source-over";
      last = [x, y];
    };
    layer.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      layer.setPointerCapture(event.pointerId);
      remember();
      last = null;
      stroke(event);
    });
    layer.addEventListener("pointermove", (event) => { if (last) stroke(event); });
    for (const name of ["pointerup", "pointercancel"]) {
      layer.addEventListener(name, () => { if (last) { last = null; told({ mask: mask() }); } });
    }

    // 4. How a picture comes in: chosen, dropped or pasted
    const bring = (chosen) => {
      if (!chosen) return;
      if (chosen.size > LARGEST_BYTES) { trigger("upload", { name: chosen.name, data: "", size: chosen.size }); return; }
      const reader = new FileReader();
      reader.onload = () => trigger("upload", { name: chosen.name, data: reader.result, size: chosen.size });
      reader.readAsDataURL(chosen);
    };
    empty.addEventListener("click", () => file.click());
    file.addEventListener("change", () => { bring(file.files[0]); file.value = ""; });
    root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("is-over"); });
    root.addEventListener("dragleave", () => root.classList.remove("is-over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      root.classList.remove("is-over");
      bring(event.dataTransfer.files[0]);
    });
    document.addEventListener("paste", (event) => {
      if (!root.isConnected || !root.offsetParent) return;
      const pasted = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
      if (pasted) { event.preventDefault(); bring(pasted); }
    });

    // 5. What comes from the server, and what was here before the reload
    watch("value", () => { keep(now()); show(); });
    show();
    if (!now().picture) kept().then((value) => { if (value?.picture && !now().picture) told(value, true); });
  };

  // ── the large view and the comparison ─────────────────────────────────────────────────────────────────────────────

  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-view]");
    if (!opener) return;
    event.preventDefault();
    event.stopPropagation();
    const dialog = document.createElement("dialog");
    dialog.className = "large-view";
    const image = document.createElement("img");
    image.src = opener.dataset.view;
    image.alt = opener.dataset.alt || "";
    dialog.append(image);
    dialog.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }, true);
  document.addEventListener("input", (event) => {
    if (event.target.matches?.(".compare input")) {
      event.target.closest(".compare").style.setProperty("--at", `${event.target.value}%`);
    }
  });

  // ── a file that is dropped on the tab, outside the picture box, brings its settings back ──────────────────────────

  const taker = () => {
    const button = document.getElementById("image-drop");
    return button?.offsetParent ? button.parentElement.querySelector("input[type=file]") : null; // gradio 6.31 puts it beside
  };
  const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  document.addEventListener("dragover", (event) => { if (holdsFiles(event) && taker()) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    const input = taker();
    if (!holdsFiles(event) || !input || event.target.closest?.(".picture-box, [type=file]")) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
