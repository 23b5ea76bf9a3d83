// The typing box: growing text area, command list, the bot's reply keyboard.

import { reply, say } from "./chat.js";
import { $, element } from "./dom.js";

let commands = [];
let chosen = -1;
let keyboardOf = null;
let forcedReply = null;

export function setUp() {
  const draft = $("draft");
  draft.addEventListener("input", () => (grow(), suggest()));
  draft.addEventListener("keydown", onKey);
  draft.addEventListener("blur", () => setTimeout(() => !$("chat").contains(document.activeElement) && close(), 150));
  $("menu").addEventListener("click", () => ($("commands").hidden ? open(commands) : close()));
  $("start").addEventListener("click", () => say("/start"));
  $("keys").addEventListener("click", () => ($("reply-keyboard").hidden = !$("reply-keyboard").hidden));
  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    send(draft.value);
  });
}

export function setCommands(list) {
  commands = list;
  $("menu").hidden = !list.length;
}

export function showReplyKeyboard(markup, message) {
  if (markup?.force_reply && forcedReply !== message.message_id) {
    forcedReply = message.message_id;
    reply(message);
    $("draft").placeholder = markup.input_field_placeholder ?? "Message";
  }
  if (keyboardOf === message?.message_id) return;
  keyboardOf = message?.message_id ?? null;
  const rows = markup?.keyboard ?? [];
  $("keys").hidden = $("reply-keyboard").hidden = !rows.length;
  $("reply-keyboard").replaceChildren(...rows.map((row) => element("div", { class: "key-row" }, ...row.map((button) => replyKey(button, markup)))));
}

function replyKey(button, markup) {
  const press = () => {
    say(button.text);
    if (markup.one_time_keyboard) $("reply-keyboard").hidden = true;
  };
  return element("button", { type: "button", class: `key ${button.style ?? ""}`, onclick: press }, button.text);
}

function send(text) {
  $("draft").value = "";
  grow();
  close();
  say(text);
}

function grow() {
  const draft = $("draft");
  draft.style.height = "auto";
  draft.style.height = `${Math.min(draft.scrollHeight, 140)}px`;
}

function suggest() {
  const typed = /^\/(\w*)$/.exec($("draft").value);
  const found = typed ? commands.filter((command) => command.command.startsWith(typed[1].toLowerCase())) : [];
  if (found.length) open(found);
  else close();
}

function open(list) {
  chosen = -1;
  $("commands").replaceChildren(...list.map(option));
  $("commands").hidden = !list.length;
  $("menu").setAttribute("aria-expanded", "true");
}

function close() {
  $("commands").hidden = true;
  $("menu").setAttribute("aria-expanded", "false");
  $("draft").removeAttribute("aria-activedescendant");
}

function option(command, index) {
  const words = [element("strong", {}, `/${command.command}`), element("span", {}, command.description)];
  const pick = (event) => (event.preventDefault(), send(`/${command.command}`), $("draft").focus());
  return element("li", { id: `command-${index}`, role: "option", aria: { selected: false }, onmousedown: pick, data: { command: command.command } }, ...words);
}

function onKey(event) {
  const options = $("commands").hidden ? [] : [...$("commands").children];
  if (event.key === "Escape") return options.length ? close() : reply(null);
  if (options.length && ["ArrowDown", "ArrowUp"].includes(event.key)) {
    event.preventDefault();
    return choose(options, event.key === "ArrowDown" ? 1 : -1);
  }
  if (options.length && event.key === "Tab") {
    event.preventDefault();
    return complete(options[Math.max(chosen, 0)]);
  }
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return undefined;
  event.preventDefault();
  return send(chosen >= 0 && options.length ? `/${options[chosen].dataset.command}` : $("draft").value);
}

function choose(options, step) {
  chosen = (chosen + step + options.length) % options.length;
  options.forEach((node, index) => node.setAttribute("aria-selected", index === chosen));
  options[chosen].scrollIntoView({ block: "nearest" });
  $("draft").setAttribute("aria-activedescendant", options[chosen].id);
}

function complete(node) {
  $("draft").value = `/${node.dataset.command} `;
  close();
}
