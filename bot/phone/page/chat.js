// The chat: the list of messages, presses and their answers, scrolling, unread marks.

import { bubble, dayOf } from "./bubbles.js";
import { $, alertBox, element, icon, post, toast } from "./dom.js";

const ANSWER_SECONDS = 15; // Telegram's apps stop waiting about then, too
const GROUP_SECONDS = 300;

const messages = new Map();
const busy = new Map(); // "message id:data" -> query id, or "" until it is known
const actions = { say, press, reply, isBusy: (message, button) => busy.has(keyOf(message, button)) };
let unread = 0;
let replyTo = null;
let onReplyKeyboard = () => {};

const keyOf = (message, button) => `${message.message_id}:${button.callback_data}`;
const list = () => $("messages");
const atBottom = () => list().scrollHeight - list().scrollTop - list().clientHeight < 80;
const looking = () => !document.hidden && getComputedStyle($("chat")).display !== "none";

export function setUp(showReplyKeyboard) {
  onReplyKeyboard = showReplyKeyboard;
  list().addEventListener("scroll", () => atBottom() ? seen() : ($("newest").hidden = false), { passive: true });
  $("newest").addEventListener("click", toNewest);
  $("reply-cancel").addEventListener("click", () => reply(null));
  $("pinned").addEventListener("click", () => itemOf($("pinned").dataset.of)?.scrollIntoView({ block: "center" }));
  document.addEventListener("visibilitychange", () => looking() && atBottom() && seen());
  new ResizeObserver(() => looking() && !unread && toNewest()).observe(list());
}

export function reset(all) {
  messages.clear();
  list().setAttribute("aria-busy", "true");
  list().replaceChildren();
  for (const message of all) place(message);
  list().removeAttribute("aria-busy");
  refresh();
  toNewest();
}

export function upsert(message) {
  const isNew = !messages.has(message.message_id);
  const stay = atBottom();
  place(message);
  refresh();
  if (stay || !message.from_bot) toNewest();
  if (isNew && message.from_bot && !(stay && looking())) countUnread();
}

export function remove(message) {
  messages.delete(message.message_id);
  itemOf(message.message_id)?.remove();
  refresh();
}

export function pressed(press) {
  const key = `${press.message_id}:${press.data}`;
  if (!busy.has(key)) setTimeout(() => giveUp(key), ANSWER_SECONDS * 1000);
  busy.set(key, press.query_id);
  redraw(press.message_id);
}

export function answered(press) {
  busy.delete(`${press.message_id}:${press.data}`);
  redraw(press.message_id);
  if (!press.text) return;
  if (press.show_alert) alertBox(press.text);
  else toast(press.text);
}

export async function say(text) {
  const words = text.trim();
  if (!words) return;
  const to = replyTo;
  reply(null);
  try {
    await post("/_phone/say", { text: words, reply_to: to });
  } catch (error) {
    toast(`Not sent: ${error.message}`);
  }
}

export function toNewest() {
  list().scrollTop = list().scrollHeight;
  if (looking()) seen();
}

export function reply(message) {
  replyTo = message?.message_id ?? null;
  $("replying").hidden = !message;
  $("replying-text").textContent = message?.text || message?.attachment?.name || "";
  if (message) $("draft").focus();
}

async function press(message, button) {
  if (actions.isBusy(message, button)) return;
  try {
    await post("/_phone/press", { message_id: message.message_id, data: button.callback_data });
  } catch (error) {
    toast(error.message);
  }
}

function giveUp(key) {
  if (!busy.delete(key)) return;
  redraw(Number(key.split(":")[0]));
  toast("The bot has not answered yet");
}

const itemOf = (id) => list().querySelector(`[data-id="${Number(id)}"]`);

function redraw(id) {
  if (messages.has(id)) place(messages.get(id));
}

function place(message) {
  messages.set(message.message_id, message);
  const focused = itemOf(message.message_id)?.contains(document.activeElement);
  const fresh = element(
    "li",
    { class: classOf(message), data: { id: message.message_id } },
    ...bubble(message, actions),
  );
  const former = itemOf(message.message_id);
  if (former) {
    fresh.classList.toggle("follows", former.classList.contains("follows"));
    former.replaceWith(fresh);
    if (focused) (fresh.querySelector(".key") ?? list()).focus({ preventScroll: true });
    return;
  }
  const before = [...messages.values()].at(-2);
  if (!before || dayOf(before.date) !== dayOf(message.date)) {
    list().append(element("li", { class: "day" }, element("span", {}, dayOf(message.date))));
  } else if (before.from_bot === message.from_bot && message.date - before.date < GROUP_SECONDS) {
    fresh.classList.add("follows");
  }
  list().append(fresh);
}

function classOf(message) {
  return `${message.from_bot ? "from-bot" : "from-me"}${message.keyboard.length ? " with-keys" : ""}`;
}

function refresh() {
  const all = [...messages.values()];
  $("empty").hidden = all.length > 0;
  showPinned(all.filter((message) => message.pinned).at(-1));
  const latest = all.filter((message) => message.from_bot && message.markup && !message.keyboard.length).at(-1);
  onReplyKeyboard(latest?.markup ?? null, latest ?? null);
}

function showPinned(message) {
  $("pinned").hidden = !message;
  $("pinned").dataset.of = message?.message_id ?? "";
  if (message) $("pinned").replaceChildren(icon("pin"), element("span", {}, element("strong", {}, "Pinned message"), element("small", {}, message.text)));
}

function countUnread() {
  unread += 1;
  showUnread();
}

function seen() {
  unread = 0;
  $("newest").hidden = true;
  showUnread();
}

function showUnread() {
  const name = $("bot-name").textContent;
  document.title = unread ? `(${unread}) ${name}` : name;
  $("unread").textContent = unread;
  $("unread").hidden = $("tab-dot").hidden = !unread;
  if (unread) $("newest").hidden = false;
}
