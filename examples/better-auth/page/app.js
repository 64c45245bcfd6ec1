import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";

import { createTaskwell, Problem } from "./taskwell.js";

const auth = createAuthClient({ plugins: [jwtClient()] });
const taskwell = createTaskwell(
  document.querySelector("meta[name=taskwell-url]").content,
  async () => {
    const { data, error } = await auth.token();
    if (error) throw new Problem(error.status, { title: "You are signed out: please sign in again." });
    return data.token;
  },
);

const element = (id) => document.getElementById(id);
const entrance = element("entrance");
const tasks = element("tasks");
const list = element("list");
const message = element("message");

// Every action runs through here: one at a time for its form, and its failure is told in words.
async function attempt(button, action) {
  message.textContent = "";
  if (button) button.disabled = true;
  try {
    return await action();
  } catch (error) {
    const isProblem = error instanceof Problem;
    if (!isProblem) console.error(error);
    message.textContent = isProblem ? error.message : "The sign-in service can't be reached.";
    if (error.status === 401) showEntrance();
  } finally {
    if (button) button.disabled = false;
  }
}

function showEntrance() {
  taskwell.forgetToken();
  draft = undefined;
  list.replaceChildren();
  tasks.hidden = true;
  entrance.hidden = false;
}

async function showTasks(user) {
  element("who").textContent = user.name;
  element("empty").hidden = true;
  entrance.hidden = true;
  tasks.hidden = false;
  element("text").focus();
  list.replaceChildren(...(await taskwell.list()).map(rowFor));
  tellHowMany();
}

function rowFor(task) {
  const row = element("row").content.cloneNode(true).firstElementChild;
  const [box, label, remove] = row.children;
  box.id = `task-${task.id}`;
  box.checked = task.completed;
  label.htmlFor = box.id;
  label.textContent = task.text;
  remove.setAttribute("aria-label", `Delete “${task.text}”`);
  box.addEventListener("change", () => tick(task.id, box));
  remove.addEventListener("click", () => drop(task.id, row, remove));
  return row;
}

function tellHowMany() {
  const boxes = [...list.querySelectorAll("input")];
  const open = boxes.filter((box) => !box.checked).length;
  element("empty").hidden = boxes.length > 0;
  element("count").textContent = boxes.length === 0 ? "" : `${open} of ${boxes.length} to do`;
}

async function tick(id, box) {
  const wanted = box.checked;
  const task = await attempt(box, () => taskwell.complete(id, wanted));
  box.checked = task ? task.completed : !wanted;
  box.focus();
  tellHowMany();
}

async function drop(id, row, button) {
  await attempt(button, async () => {
    await taskwell.remove(id);
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("button") ?? element("text")).focus();
    tellHowMany();
  });
}

// What was sent last, as long as no answer says that it is there.
let draft;

element("add").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = element("text");
  attempt(event.submitter, async () => {
    const text = field.value;
    if (draft?.text !== text) draft = { id: crypto.randomUUID(), text };
    list.append(rowFor(await taskwell.add(draft.id, text)));
    draft = undefined;
    field.value = "";
    field.focus();
    tellHowMany();
  });
});

entrance.addEventListener("change", () => {
  const isNew = element("new").checked;
  element("name-field").hidden = !isNew;
  element("name").required = isNew;
  element("password-rule").hidden = !isNew;
  element("password").autocomplete = isNew ? "new-password" : "current-password";
  element("enter").textContent = isNew ? "Create account" : "Sign in";
  message.textContent = "";
});

entrance.addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, email, password } = Object.fromEntries(new FormData(entrance));
  attempt(element("enter"), async () => {
    const { data, error } = element("new").checked
      ? await auth.signUp.email({ name, email, password })
      : await auth.signIn.email({ email, password });
    if (error) {
      throw new Problem(0, { title: error.message ?? "That didn't work." });
    }
    entrance.reset();
    entrance.dispatchEvent(new Event("change"));
    await showTasks(data.user);
  });
});

element("leave").addEventListener("click", (event) => {
  attempt(event.currentTarget, async () => {
    const { error } = await auth.signOut();
    if (error) throw new Problem(0, { title: error.message ?? "That didn't work." });
    element("known").click();
    showEntrance();
    element("email").focus();
  });
});

await attempt(null, async () => {
  const { data: session } = await auth.getSession();
  if (session) await showTasks(session.user);
  else showEntrance();
});
