// Small helpers: elements, icons, requests, numbers.

export const $ = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const { class: className, data, aria, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(data ?? {})) node.dataset[name] = value;
  for (const [name, value] of Object.entries(aria ?? {})) node.setAttribute(`aria-${name}`, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error ?? `status ${response.status}`);
  return answer;
}

const money = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en-IN", { maximumFractionDigits: 0 });

export const rupees = (value) => money.format(Number(value));
export const count = (value) => whole.format(Number(value));
export const signed = (value) => `${Number(value) < 0 ? "−" : "+"}${money.format(Math.abs(Number(value)))}`;

let toastTimer = 0;

export function toast(text) {
  const place = $("toasts");
  place.replaceChildren(element("p", { class: "toast" }, text));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => place.replaceChildren(), 4000);
}

export function alertBox(text) {
  $("modal-text").textContent = text;
  $("modal").showModal();
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied to the clipboard");
  } catch {
    alertBox(text); // no clipboard here: at least it can be selected
  }
}
