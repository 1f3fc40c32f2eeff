/* The button of a talk (studio/ui/multimodal/talk_layout.py): what is said while it is held is recorded and told as a WAV file
   of 16 kHz. A short press begins, the next one ends. Hands-free, a turn begins when somebody speaks and ends with a pause.

   A worklet hands over what the microphone hears, so that nothing is lost while the page is busy, and what came just before
   somebody was heard is there, too. */
(() => {
  const RATE = 16000, SHORT_PRESS_MS = 350, LEAST_SECONDS = 0.3, MOST_SECONDS = 120;
  const BEFORE_SECONDS = 0.5, PAUSE_SECONDS = 0.9, VOICE_SECONDS = 0.15, LEAST_LEVEL = 0.012, OVER_NOISE = 3;
  const EAR = `registerProcessor("studio-ear", class extends AudioWorkletProcessor {
    constructor() { super(); this.heard = []; }
    process([[samples]]) {
      if (samples) this.heard.push(...samples);
      if (this.heard.length >= 2048) { this.port.postMessage(Float32Array.from(this.heard)); this.heard = []; }
      return true;
    }
  })`;

  class Microphone {
    async open(hear) {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
      this.context = new AudioContext();
      const address = URL.createObjectURL(new Blob([EAR], { type: "text/javascript" }));
      await this.context.audioWorklet.addModule(address);
      URL.revokeObjectURL(address);
      const ear = new AudioWorkletNode(this.context, "studio-ear");
      ear.port.onmessage = ({ data }) => hear(data);
      this.context.createMediaStreamSource(this.stream).connect(ear).connect(this.context.destination); // it says nothing
    }

    close() {
      this.stream?.getTracks().forEach((track) => track.stop());
      this.context?.close();
    }
  }

  const wav = async (chunks, rate) => {
    const length = chunks.reduce((sum, one) => sum + one.length, 0);
    const work = new OfflineAudioContext(1, Math.max(1, Math.ceil(length * RATE / rate)), RATE);
    const buffer = work.createBuffer(1, length, rate);
    let at = 0;
    for (const one of chunks) { buffer.copyToChannel(one, 0, at); at += one.length; }
    const source = work.createBufferSource();
    source.buffer = buffer;
    source.connect(work.destination);
    source.start();
    const samples = (await work.startRendering()).getChannelData(0);
    const file = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const words = (place, text) => [...text].forEach((sign, n) => file.setUint8(place + n, sign.charCodeAt(0)));
    words(0, "RIFF"); file.setUint32(4, 36 + 2 * samples.length, true); words(8, "WAVEfmt ");
    file.setUint32(16, 16, true); file.setUint16(20, 1, true); file.setUint16(22, 1, true);
    file.setUint32(24, RATE, true); file.setUint32(28, 2 * RATE, true); file.setUint16(32, 2, true); file.setUint16(34, 16, true);
    words(36, "data"); file.setUint32(40, 2 * samples.length, true);
    samples.forEach((one, n) => file.setInt16(44 + 2 * n, Math.max(-1, Math.min(1, one)) * 32767, true));
    return new Blob([file], { type: "audio/wav" });
  };

  window.studioTalk = (element, trigger) => {
    const root = element.querySelector(".talk-control");
    const words = JSON.parse(root.dataset.words);
    const say = (key) => words[key][document.documentElement.lang.startsWith("zh") ? 1 : 0];
    const make = (tag, classes) => {
      const made = document.createElement(tag);
      made.className = classes;
      root.append(made);
      return made;
    };

    // 1. Its parts
    root.replaceChildren();
    const hold = make("button", "talk-hold"), level = make("div", "talk-level"), hint = make("div", "talk-hint mono");
    const free = make("button", "item-button talk-free");
    hold.type = free.type = "button";
    hint.setAttribute("role", "status");
    level.setAttribute("aria-hidden", "true");
    let state = "idle", microphone = null, chunks = [], seconds = 0, pressedAt = 0, isFree = false, isLatched = false;
    let noise = 0.005, voiced = 0, quiet = 0;
    const show = (next, key) => {
      state = root.dataset.state = next;
      hold.textContent = say(next === "hearing" ? (isLatched || isFree ? "press_end" : "release") : "hold");
      hold.setAttribute("aria-pressed", String(next === "hearing"));
      free.textContent = say("free");
      free.setAttribute("aria-pressed", String(isFree));
      hint.textContent = key ? say(key) : "";
    };

    // 2. What is heard
    const hear = (samples) => {
      if (!microphone) return; // it was closed meanwhile
      if (!root.offsetParent) { leave(); return; } // nobody is listened to unseen
      const long = samples.length / microphone.context.sampleRate;
      const loud = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
      level.style.setProperty("--level", Math.min(1, loud * 8));
      chunks.push(samples);
      seconds += long;
      if (state !== "hearing") {
        while (seconds - chunks[0].length / microphone.context.sampleRate > BEFORE_SECONDS) {
          seconds -= chunks.shift().length / microphone.context.sampleRate;
        }
      }
      if (isFree) listen(loud, long);
      if (state === "hearing" && seconds > MOST_SECONDS) end("long");
    };
    const listen = (loud, long) => {
      const isAnswering = document.getElementById("talk-spoken")?.dataset.speech === "playing"; // the room hears it, too
      const isVoice = loud > (isAnswering ? 2 : 1) * Math.max(LEAST_LEVEL, OVER_NOISE * noise);
      if (!isVoice) noise += (loud - noise) * Math.min(1, long / 2);
      voiced = isVoice ? voiced + long : 0;
      quiet = isVoice ? 0 : quiet + long;
      if (state === "waiting" && voiced >= VOICE_SECONDS) begin();
      else if (state === "hearing" && quiet >= PAUSE_SECONDS) end();
    };

    // 3. A turn
    const begin = () => {
      window.studioTalkBegins?.(); // whoever speaks is silent at once
      trigger("click", { action: "begin", id: "" });
      show("hearing");
    };
    const open = async () => {
      show("opening", "opening");
      microphone = new Microphone();
      chunks = [];
      seconds = 0;
      try {
        if (!navigator.mediaDevices) throw new DOMException("", "NotAllowedError");
        await microphone.open(hear);
      } catch {
        close();
        show("idle", "no_microphone");
        return false;
      }
      return true;
    };
    const close = () => { microphone?.close(); microphone = null; isFree = isLatched = false; level.style.setProperty("--level", 0); };
    const end = async (why) => {
      const said = chunks, long = seconds, rate = microphone.context.sampleRate;
      chunks = [];
      seconds = quiet = voiced = 0;
      isLatched = false;
      if (!isFree) close();
      show(isFree ? "waiting" : "idle", isFree ? "waits" : why);
      if (long < LEAST_SECONDS) { if (!isFree) show("idle", "short"); return; }
      const file = await wav(said, rate), reader = new FileReader();
      reader.onload = () => trigger("upload", { name: "recording.wav", data: reader.result, size: file.size });
      reader.readAsDataURL(file);
    };

    const leave = () => {
      if (state === "hearing" && !isFree) end();
      else { close(); show("idle"); }
    };

    // 4. Held, pressed, or hands-free
    const press = async () => {
      if (state === "hearing") { end(); return; }
      if (state === "waiting") { begin(); return; }
      if (state !== "idle") return;
      window.studioTalkBegins?.(); // within the press, so that the browser lets the answer be heard
      pressedAt = performance.now();
      let isHeld = true;
      const held = new AbortController();
      const release = () => {
        held.abort();
        isHeld = false;
        if (state === "hearing" && !isLatched && !isFree) {
          if (performance.now() - pressedAt < SHORT_PRESS_MS) { isLatched = true; show("hearing"); } else end();
        }
      };
      for (const name of ["pointerup", "pointercancel", "keyup"]) window.addEventListener(name, release, { signal: held.signal });
      if (!await open()) return;
      isLatched = !isHeld;
      begin();
    };
    hold.addEventListener("pointerdown", (event) => { if (!event.button) { event.preventDefault(); hold.focus(); press(); } });
    hold.addEventListener("keydown", (event) => {
      if ([" ", "Enter"].includes(event.key)) { event.preventDefault(); event.stopPropagation(); if (!event.repeat) press(); }
    });
    hold.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
    free.addEventListener("click", async () => {
      if (isFree) { close(); show("idle"); return; }
      if (state === "hearing") end(); // it closes its microphone: there is one at a time
      if (state !== "idle") return;
      window.studioTalkBegins?.();
      if (!await open()) return;
      isFree = true;
      show("waiting", "waits");
    });
    new MutationObserver(() => show(state)).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
    show("idle");
  };
})();
