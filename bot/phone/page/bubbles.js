// One message -> one list item: bubble, file, quote, keyboard, marks.

import { $, copy, element, icon } from "./dom.js";
import { formatted, safeAddress } from "./text.js";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const longDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });

export const timeOf = (seconds) => clock.format(new Date(seconds * 1000));

export function dayOf(seconds) {
  const day = new Date(seconds * 1000);
  const yesterday = new Date(Date.now() - 86400000);
  if (day.toDateString() === new Date().toDateString()) return "Today";
  return day.toDateString() === yesterday.toDateString() ? "Yesterday" : longDay.format(day);
}

export function bubble(message, actions) {
  const body = element(
    "div",
    { class: "bubble", ondblclick: () => actions.reply(message) },
    quote(message.reply_to),
    attachment(message.attachment),
    text(message, actions),
  );
  if (!message.text) body.append(marks(message));
  if (message.reaction) body.append(reaction(message.reaction));
  if (message.attachment?.kind === "photo") body.classList.add("with-photo");
  return [body, keyboard(message, actions)].filter(Boolean);
}

function text(message, actions) {
  if (!message.text) return null;
  const node = element("div", { class: "text", dir: "auto" }, formatted(message.text, message.entities, actions.say));
  node.append(marks(message));
  return node;
}

function marks(message) {
  const when = element("time", { dateTime: new Date(message.date * 1000).toISOString() }, timeOf(message.date));
  const edited = message.edited ? element("span", { title: `edited at ${timeOf(message.edited)}` }, "edited") : null;
  const silent = message.silent ? element("span", { title: "sent without sound", class: "silent" }, icon("silent")) : null;
  return element("span", { class: "marks" }, silent, edited, when);
}

function quote(reply) {
  if (!reply) return null;
  const jump = () => document.querySelector(`[data-id="${reply.message_id}"]`)?.scrollIntoView({ block: "center" });
  const author = reply.from_bot ? $("bot-name").textContent : "You";
  return element("button", { type: "button", class: "quote", onclick: jump }, element("strong", {}, author), element("span", {}, reply.text));
}

function attachment(file) {
  if (!file) return null;
  if (file.kind === "photo") {
    const image = element("img", { src: file.url, width: file.width, height: file.height, alt: file.name || "Picture" });
    return element("button", { type: "button", class: "photo", aria: { label: "Enlarge the picture" }, onclick: () => enlarge(file) }, image);
  }
  const size = file.size < 1024 ? `${file.size} B` : `${(file.size / 1024).toFixed(1)} KB`;
  const words = element("span", {}, element("strong", {}, file.name), element("small", {}, size));
  return element("a", { class: "file", href: file.url, download: file.name }, element("span", { class: "file-icon" }, icon("file")), words);
}

function enlarge(file) {
  $("viewer-image").src = file.url;
  $("viewer").showModal();
}

function keyboard(message, actions) {
  if (!message.keyboard.length) return null;
  const rows = message.keyboard.map((row) =>
    element("div", { class: "key-row" }, ...row.map((button) => key(message, button, actions))),
  );
  return element("div", { class: "keyboard", role: "group", aria: { label: "Buttons of this message" } }, ...rows);
}

function key(message, button, actions) {
  const properties = { class: `key ${button.style ?? ""}` };
  if (button.url) {
    const href = safeAddress(button.url);
    return element("a", { ...properties, href: href ?? "#", target: "_blank", rel: "noopener noreferrer" }, button.text, icon("link"));
  }
  if (button.copy_text) {
    return element("button", { ...properties, type: "button", onclick: () => copy(button.copy_text.text) }, button.text, icon("copy"));
  }
  const busy = actions.isBusy(message, button);
  const press = () => actions.press(message, button);
  return element("button", { ...properties, type: "button", aria: { busy }, onclick: press }, button.text);
}

function reaction(emoji) {
  return element("span", { class: "reaction", role: "img", aria: { label: `Reaction ${emoji}` } }, emoji);
}
