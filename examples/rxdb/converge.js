// Three databases of one user and one of another, through a Taskwell that runs. Everything that can
// happen on a train happens, and in the end all that one user has is the same everywhere.
// It erases the account of TASKWELL_TOKEN's user: use one that is made for it.
import assert from "node:assert/strict";

import {
  agree,
  ask,
  device,
  devices,
  shown,
  TASKWELL_OTHER_TOKEN,
  TASKWELL_TOKEN,
  until,
} from "./stage.js";

const phone = await device("phone", TASKWELL_TOKEN);
const laptop = await device("laptop", TASKWELL_TOKEN);
const stranger = await device("stranger", TASKWELL_OTHER_TOKEN);
const both = [phone, laptop];

const milk = await phone.add("Milk");
const bread = await laptop.add("Bread");
const salt = await laptop.add("Salt");
await agree("creates on both", both, ["Milk", "Bread", "Salt"]);

for (const one of both) one.network.goOffline();
await phone.edit(milk, { completed: true });
await phone.add("Tea");
await laptop.edit(milk, { text: "Oat milk" });
await laptop.add("Rice");
for (const one of both) one.network.goOnline();
const merged = ["Oat milk (done)", "Bread", "Salt", "Tea", "Rice"];
await agree("different members edited offline", both, merged);
assert.deepEqual([phone.conflicts, laptop.conflicts], [[], []], "nothing there is a conflict");

phone.network.goOffline();
await phone.edit(bread, { text: "Rolls", completed: true });
await laptop.edit(bread, { text: "Toast" });
const beside = merged.with(1, "Toast");
await agree("the laptop alone", [laptop], beside);
phone.network.goOnline();
await agree("one member edited on both", both, beside.with(1, "Toast (done)"));
assert.deepEqual(phone.conflicts[0].input.newDocumentState.text, "Rolls");
assert.deepEqual(phone.conflicts[0].input.realMasterState.text, "Toast");
assert.equal(laptop.conflicts.length, 0);

phone.network.goOffline();
await phone.edit(salt, { text: "Sea salt" });
await laptop.remove(salt);
const without = ["Oat milk (done)", "Toast (done)", "Tea", "Rice"];
await agree("the laptop has deleted", [laptop], without);
phone.network.goOnline();
await agree("a delete wins over an edit", both, without);

phone.network.loseTheNextAnswer();
const jam = await phone.add("Jam");
await agree("a create whose answer was lost", both, [...without, "Jam"]);
phone.network.loseTheNextAnswer();
await phone.edit(jam, { text: "Plum jam" });
await agree("an edit whose answer was lost", both, [...without, "Plum jam"]);
laptop.network.loseTheNextAnswer();
await laptop.remove(jam);
await agree("a delete whose answer was lost", both, without);
await until("what was repeated is recognised", () => {
  for (const { network } of both) {
    assert.notEqual(network.lost.length, 0);
    assert.deepEqual([...new Set(network.repeated)], ["duplicate"]);
  }
});

const pulls = phone.network.hold("GET");
for (const completed of [false, true, false, true]) {
  await phone.edit(milk, { completed });
  await shown(milk, { completed });
}
pulls.release();
await agree("back and forth without a pull between", both, without);

// The phone's pull is on its way when the phone writes, and comes back before the push does.
const pull = phone.network.hold("GET");
await laptop.edit(bread, { text: "Toast!" });
await pull.reached;
const push = phone.network.hold("POST");
await phone.edit(milk, { text: "Soy milk" });
await push.reached;
await until("the laptop follows", async () => {
  assert.equal((await laptop.find(milk)).text, "Soy milk");
});
await laptop.edit(milk, { completed: false });
await shown(milk, { completed: false });
pull.release();
await until("the pull came back", async () => {
  assert.equal((await phone.find(bread)).text, "Toast!");
});
push.release();
await agree("a pull that overtakes a push", both, ["Soy milk", "Toast! (done)", "Tea", "Rice"]);

const before = phone.conflicts.length;
for (let turn = 1; turn <= 30; turn += 1) {
  await phone.edit(milk, { text: `Milk ${turn}`, completed: turn % 2 === 0 });
  await laptop.edit(bread, { completed: turn % 2 === 0 });
}
const quick = ["Milk 30 (done)", "Toast! (done)", "Tea", "Rice"];
await agree("edits that are quicker than their answers", both, quick);
assert.equal(phone.conflicts.length, before, "nobody conflicts with themselves");
assert.equal(laptop.conflicts.length, 0, "nobody conflicts with themselves");

const tablet = await device("tablet", TASKWELL_TOKEN);
await agree("a database that starts later", [...both, tablet], quick);
await tablet.add("From the tablet");
await agree("and takes part", [...both, tablet], [...quick, "From the tablet"]);

assert.deepEqual(await stranger.all(), []);
await stranger.add("A stranger's");
await until("the stranger has their own", async () => {
  const theirs = await ask("/tasks", { token: TASKWELL_OTHER_TOKEN });
  assert.deepEqual(await stranger.all(), theirs);
  assert.equal(theirs.length, 1);
});
await agree("and nobody else sees it", [...both, tablet], [...quick, "From the tablet"]);

const [{ id: theirs }] = await stranger.all();
await stranger.edit(theirs, { text: "x".repeat(501) });
await until("what will never be taken is told", () => assert.equal(stranger.rejected.length, 1));
await stranger.edit(theirs, { text: "Short enough" });
await until("and the next edit is taken", async () => {
  const tasks = await ask("/tasks", { token: TASKWELL_OTHER_TOKEN });
  assert.deepEqual(tasks.map(({ text }) => text), ["Short enough"]);
  assert.deepEqual(await stranger.all(), tasks);
});
const [{ code, errors }, ...more] = stranger.rejected.splice(0);
assert.equal(code, "validation-failed");
assert.deepEqual(errors.map(({ pointer }) => pointer), ["/set/text"]);
assert.deepEqual(more, [], "told once");

await ask("/me", { method: "DELETE" });
await ask("/tasks", { method: "POST", body: { text: "Another life" } });
await agree("an account that begins anew", [...both, tablet], ["Another life"]);
await laptop.add("Goes on");
await agree("and goes on", [...both, tablet], ["Another life", "Goes on"]);

for (const one of devices) {
  assert.deepEqual(one.rejected, [], one.name);
  await one.database.close();
}
console.log("All databases agree with the service.");
