// The front end of every panel: it shows the HTML that Python drew, and reports to Python what was
// pressed. Python decides what a panel shows; only what must happen in the browser is here.

const FIELDS = "input[name], select[name], textarea[name]";

function render({ model, el }) {
  const body = document.createElement("div");
  const message = document.createElement("p");
  el.classList.add("labkit-front");
  message.className = "labkit-message";
  message.setAttribute("role", "status");
  el.append(body, message);

  const draw = () => replace(body, model.get("html"));
  const report = () => { message.textContent = model.get("message"); };
  model.on("change:html", draw);
  model.on("change:message", report);
  draw();
  report();

  const press = async (target, file) => {
    const form = target.closest("form, .labkit") ?? body;
    const fields = {};
    for (const field of form.querySelectorAll(FIELDS)) {
      if (field.type === "radio" && !field.checked) continue;
      fields[field.name] = field.type === "checkbox" ? String(field.checked) : field.value;
    }
    const buffers = file ? [await file.arrayBuffer()] : [];
    model.send({ press: target.dataset.press, value: target.dataset.value ?? "", fields }, undefined, buffers);
  };

  body.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-page]");
    if (link && openPage(link.dataset.page)) event.preventDefault();
    const target = event.target.closest("button[data-press]");
    if (target) press(target);
  });
  body.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target.dataset.press) press(event.target);
  });
  body.addEventListener("change", (event) => {
    const target = event.target;
    if (!target.dataset.press) return;
    if (target.type === "file") press(target, target.files[0]);
    else press(target);
  });
  body.addEventListener("input", (event) => {
    if (event.target.dataset.pressOn === "input") press(event.target);
  });
  body.addEventListener("dragover", (event) => {
    if (event.target.closest("[data-drop]")) event.preventDefault();
  });
  body.addEventListener("drop", (event) => {
    const place = event.target.closest("[data-drop]");
    if (!place || !event.dataTransfer.files.length) return;
    event.preventDefault();
    press(place, event.dataTransfer.files[0]);
  });
  for (const name of ["pointerover", "focusin"]) {
    body.addEventListener(name, (event) => light(body, event.target.closest("[data-part]")));
  }
  // Turn JupyterLab's shortcuts for cells off while the focus is in a panel.
  body.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  body.addEventListener("pointerleave", () => light(body));
  body.addEventListener("keydown", (event) => walk(event));
}

// Show new HTML and keep the reader's focus, typed text, scroll positions and open folds.
function replace(body, html) {
  const active = body.contains(document.activeElement) ? document.activeElement : null;
  const focus = active && { key: active.dataset.key, start: active.selectionStart, end: active.selectionEnd };
  const typed = new Map();
  for (const field of body.querySelectorAll(FIELDS)) {
    if (field.dataset.key && field.type !== "file") typed.set(field.dataset.key, [field.value, field.checked, field.defaultValue]);
  }
  const scrolled = new Map();
  for (const list of body.querySelectorAll("[data-scroll]")) {
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    scrolled.set(list.dataset.key, atEnd ? null : list.scrollTop);
  }
  const opened = new Set([...body.querySelectorAll("details[open]")].map((each) => each.dataset.key));
  body.innerHTML = html;
  // A page can have two panels of one kind: each is a group, because a landmark must be unique.
  body.querySelector(".labkit").setAttribute("role", "group");
  for (const field of body.querySelectorAll(FIELDS)) {
    const [value, checked, was] = typed.get(field.dataset.key) ?? [];
    // Keep the reader's value unless Python has changed it. Also keep one that is being typed: Python's
    // value answers letters that were typed earlier.
    const isTyped = field.dataset.pressOn === "input" && field.dataset.key === focus?.key;
    if (value === undefined || (field.defaultValue !== was && !isTyped)) continue;
    field.value = value;
    if (field.type === "checkbox" || field.type === "radio") field.checked = checked;
  }
  for (const list of body.querySelectorAll("[data-scroll]")) {
    list.scrollTop = scrolled.get(list.dataset.key) ?? list.scrollHeight;
  }
  for (const each of body.querySelectorAll("details")) {
    if (opened.has(each.dataset.key)) each.open = true;
  }
  if (!focus) return;
  const again = focus.key && body.querySelector(`[data-key="${CSS.escape(focus.key)}"]:not(:disabled)`);
  if (!again) return stay(body);
  again.focus({ preventScroll: true });
  if (focus.start != null && again.setSelectionRange) again.setSelectionRange(focus.start, focus.end);
}

// The focused element is gone or disabled: focus the panel, so that the focus is not lost.
function stay(body) {
  const panel = body.querySelector(".labkit");
  panel.tabIndex = -1;
  panel.focus({ preventScroll: true });
}

// Light all elements of one part: a byte and its field, a row and its line. If nothing is pointed at,
// light the part that has the focus.
function light(body, pointed) {
  pointed ??= body.querySelector("[data-part]:focus");
  for (const each of body.querySelectorAll(".lit")) each.classList.remove("lit");
  if (!pointed) return;
  for (const each of body.querySelectorAll("[data-part]")) {
    if (each.dataset.part === pointed.dataset.part) each.classList.add("lit");
  }
}

// Arrow keys, Home and End move within a list, which is one stop of the Tab key.
function walk(event) {
  const list = event.target.closest("[data-walk]");
  if (!list) return;
  const stops = [...list.querySelectorAll("[tabindex]")];
  const columns = Number(list.dataset.walk) || 1;
  const here = stops.indexOf(event.target);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
  const to = { Home: 0, End: stops.length - 1 }[event.key] ?? (step === undefined ? -1 : here + step);
  if (here < 0 || !stops[to]) return;
  event.preventDefault();
  for (const each of stops) each.tabIndex = -1;
  stops[to].tabIndex = 0;
  stops[to].focus();
}

// Open another page in a tab of JupyterLab; elsewhere the link works as usual.
function openPage(path) {
  const app = globalThis.jupyterapp;
  if (!app) return false;
  app.commands.execute("docmanager:open", { path });
  return true;
}

export default { render };
