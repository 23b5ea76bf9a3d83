// Text with entities -> DOM nodes. Text only ever becomes text nodes: markup in it cannot run.

import { copy, element } from "./dom.js";

const TAGS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote", spoiler: "span", custom_emoji: "span",
};
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);

export function safeAddress(address) {
  try {
    const url = new URL(address.includes("://") || address.startsWith("mailto:") ? address : `http://${address}`);
    return ["http:", "https:", "tg:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function formatted(text, entities, onCommand) {
  const sorted = [...entities].sort((a, b) => a.offset - b.offset || b.length - a.length);
  const root = document.createDocumentFragment();
  fill(root, text, 0, text.length, sorted, onCommand);
  return root;
}

function fill(parent, text, from, to, entities, onCommand) {
  let at = from;
  let rest = entities;
  while (rest.length) {
    const entity = rest[0];
    const end = Math.min(entity.offset + entity.length, to);
    const node = nodeOf(entity, text.slice(entity.offset, end), onCommand);
    parent.append(text.slice(at, entity.offset), node);
    fill(node, text, entity.offset, end, rest.slice(1).filter((other) => other.offset < end), onCommand);
    rest = rest.slice(1).filter((other) => other.offset >= end);
    at = BLOCKS.has(entity.type) && text[end] === "\n" ? end + 1 : end; // a block already breaks the line
  }
  parent.append(text.slice(at, to));
}

function nodeOf(entity, text, onCommand) {
  if (entity.type === "text_link" || entity.type === "url") return link(entity.url ?? text);
  if (entity.type === "bot_command") {
    return element("button", { type: "button", class: "command-link", onclick: () => onCommand(text) });
  }
  const node = element(TAGS[entity.type] ?? "span");
  if (entity.type === "spoiler") hide(node);
  if (entity.type === "pre") node.tabIndex = 0; // wide tables scroll, also by keyboard
  if (entity.type === "code") Object.assign(node, { title: "Copy", onclick: () => copy(text) });
  if (entity.language) node.dataset.language = entity.language;
  return node;
}

function link(address) {
  const href = safeAddress(address);
  return href ? element("a", { href, target: "_blank", rel: "noopener noreferrer" }) : element("span");
}

function hide(node) {
  node.className = "spoiler";
  node.tabIndex = 0;
  node.setAttribute("role", "button");
  node.setAttribute("aria-label", "Hidden text, press to show");
  const show = () => {
    node.classList.add("shown");
    node.removeAttribute("aria-label");
  };
  node.addEventListener("click", show);
  node.addEventListener("keydown", (event) => event.key === "Enter" && show());
}
