"""How the page looks and the few lines of script that it carries. Colours and shapes by `look.md`'s words:
a calm workshop, one accent, slate neutrals, hairlines, no shadows.
"""

from pathlib import Path

import gradio as gr

CSS_FILE = Path(__file__).parents[2] / "assets" / "css" / "studio.css"
SCRIPTS = [
    Path(__file__).parents[2] / "assets" / "js" / name for name in ("live.js", "image.js", "audio.js", "talk.js")
]

# Only 400 and 700 of the bundled fonts hold ASCII letters (gradio 6.31): a weight of 600 falls to 700.
_CJK = ("PingFang SC", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", "system-ui", "sans-serif")

_ACCENT = gr.themes.Color(
    c50="#eef6f3", c100="#d6eae4", c200="#aed5ca", c300="#7fbaab", c400="#4f9b8a", c500="#2f8072",
    c600="#226d5f", c700="#1c594e", c800="#18473f", c900="#143a34", c950="#0a211d",
)  # fmt: skip

HEAD = """
<meta name="referrer" content="no-referrer">
<script>
(() => {
  const visible = (id) => [...document.querySelectorAll(id)].find((e) => e.offsetParent !== null && !e.disabled);
  const theme = () => { try { return localStorage.getItem("studio-theme"); } catch { return null; } };
  const wear = () => {
    const chosen = theme();
    if (chosen && document.body) document.body.classList.toggle("dark", chosen === "dark");
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const run = visible(".studio-run");
      if (run) { event.preventDefault(); event.stopPropagation(); setTimeout(() => run.click(), 150); }
    } else if (event.key === "Escape" && document.activeElement?.getAttribute("aria-expanded") !== "true") {
      const drawer = document.querySelector(".sidebar.open .toggle-button");
      if (drawer) drawer.click(); else visible(".studio-stop")?.click();
    }
  }, true);
  // in one column the result stands below the settings
  document.addEventListener("click", (event) => {
    const run = event.target.closest?.(
      "#task-run, #image-run, #talk-send, #speak-run, #listen-run, #compose-run, [id^=bench-run], #training-start");
    if (innerWidth > 800 || !run) return;
    const others = { "task-run": "#task-result", "training-start": "#training-head" };
    const result = others[run.id] ?? `#${run.id.split("-")[0]}-stage`;
    setTimeout(() => document.querySelector(result)?.scrollIntoView({ behavior: "smooth", block: "center" }), 300);
  });
  // what language gradio shows, for the sentences that the server says
  const tell = () => { document.cookie = "studio_language=" + document.documentElement.lang + "; path=/; SameSite=Lax"; };
  const begin = () => {
    tell();
    wear();
    new MutationObserver(tell).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
    new MutationObserver(wear).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  };
  if (document.body) begin(); else document.addEventListener("DOMContentLoaded", begin);
})();
</script>
"""

# what buttons do in the browser alone
TOGGLE_THEME = """() => {
  const isDark = !document.body.classList.contains("dark");
  try { localStorage.setItem("studio-theme", isDark ? "dark" : "light"); } catch {}
  document.body.classList.toggle("dark", isDark);
}"""
OPEN_SETTINGS = """() => document.querySelector("footer .settings")?.click()"""
# the composer without what was sent: what was typed since stays
WITHOUT_SENT = """(now, sent) => ({
  text: now.text.startsWith(sent.text) ? now.text.slice(sent.text.length) : now.text,
  files: now.files.filter((file) => !sent.files.includes(file.path)),
})"""
SAVE_FILE = """(file) => {
  if (!file) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], { type: file.type }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""


def theme() -> gr.themes.Base:
    local = gr.themes.LocalFont
    return gr.themes.Default(
        primary_hue=_ACCENT,
        secondary_hue=_ACCENT,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=[local("IBM Plex Sans", weights=(400, 700)), *_CJK],
        font_mono=[local("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"],
    ).set(
        body_background_fill="#f6f8f7",
        body_background_fill_dark="#101413",
        body_text_color="#1e293b",
        body_text_color_dark="#e5eae8",
        body_text_color_subdued="#526072",
        body_text_color_subdued_dark="#9aa8a4",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#171c1b",
        background_fill_secondary="#f6f8f7",
        background_fill_secondary_dark="#131817",
        border_color_primary="#dfe5e3",
        border_color_primary_dark="#2b3331",
        block_background_fill="#ffffff",
        block_background_fill_dark="#171c1b",
        block_border_width="1px",
        block_border_color="#dfe5e3",
        block_border_color_dark="#2b3331",
        block_radius="12px",
        block_shadow="none",
        block_shadow_dark="none",
        block_label_text_weight="700",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="700",
        block_title_text_color="#475569",
        block_title_text_color_dark="#c3cdca",
        block_info_text_color="#526072",
        block_info_text_color_dark="#9aa8a4",
        input_background_fill="#ffffff",
        input_background_fill_dark="#121716",
        input_background_fill_focus="#ffffff",
        input_background_fill_focus_dark="#121716",
        input_border_color="#cfd8d5",
        input_border_color_dark="#36403d",
        input_border_color_focus="#226d5f",
        input_border_color_focus_dark="#4f9b8a",
        input_shadow="none",
        input_shadow_focus="none",
        input_placeholder_color="#64748b",
        input_placeholder_color_dark="#8b9995",
        input_radius="10px",
        button_large_radius="10px",
        button_medium_radius="10px",
        button_small_radius="10px",
        button_primary_background_fill="#226d5f",
        button_primary_background_fill_dark="#226d5f",
        button_primary_background_fill_hover="#1c594e",
        button_primary_background_fill_hover_dark="#2a7f6f",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_primary_border_color="#226d5f",
        button_primary_border_color_dark="#226d5f",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#1d2422",
        button_secondary_background_fill_hover="#eef2f1",
        button_secondary_background_fill_hover_dark="#27302d",
        button_secondary_border_color="#cfd8d5",
        button_secondary_border_color_dark="#36403d",
        button_secondary_text_color="#1e293b",
        button_secondary_text_color_dark="#e5eae8",
        button_border_width="1px",
        button_primary_shadow="none",
        button_secondary_shadow="none",
        button_transform_active="none",
        slider_color="#226d5f",
        slider_color_dark="#4f9b8a",
        checkbox_background_color_dark="#121716",
        checkbox_label_background_fill_dark="#171c1b",
        checkbox_label_background_fill_hover="#eef2f1",
        checkbox_label_background_fill_hover_dark="#27302d",
        checkbox_label_border_color_dark="#36403d",
        checkbox_border_color_dark="#4a5552",
        checkbox_background_color_selected="#226d5f",
        checkbox_background_color_selected_dark="#226d5f",
        checkbox_label_background_fill_selected="#eef6f3",
        checkbox_label_background_fill_selected_dark="#1a2f2a",
        checkbox_label_text_color_selected="#143a34",
        checkbox_label_text_color_selected_dark="#d6eae4",
        checkbox_label_shadow="none",
        code_background_fill="#f1f5f4",
        code_background_fill_dark="#121716",
        color_accent="#226d5f",
        color_accent_soft="#eef6f3",
        color_accent_soft_dark="#1a2f2a",
        border_color_accent="#aed5ca",
        border_color_accent_dark="#2f8072",
        link_text_color="#1c594e",
        link_text_color_dark="#7fbaab",
        link_text_color_hover="#143a34",
        link_text_color_hover_dark="#aed5ca",
        shadow_drop="none",
        shadow_drop_lg="none",
        loader_color="#226d5f",
    )
