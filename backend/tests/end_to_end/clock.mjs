// Loaded before an issuer (`node --import`): each line on its standard input, a number of seconds,
// sets its clock that much ahead of the machine's. Expiry and rotation are then tried in no time.
import { createInterface } from "node:readline";

const MachineDate = Date;
let ahead = 0;

globalThis.Date = class Date extends MachineDate {
  constructor(...given) {
    super(...(given.length > 0 ? given : [Date.now()]));
  }

  static now() {
    return MachineDate.now() + ahead;
  }

  static [Symbol.hasInstance](value) {
    return value instanceof MachineDate;
  }
};

createInterface({ input: process.stdin }).on("line", (line) => {
  ahead = Number(line) * 1000;
  console.log(`Clock: ${line}`);
});
