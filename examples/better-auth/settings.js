// The environment, read once. Everything has a default; `npm start` needs none of it.
import { randomBytes } from "node:crypto";

const KEY_PAIRS = {
  EdDSA: { alg: "EdDSA", crv: "Ed25519" },
  ES256: { alg: "ES256" },
  ES512: { alg: "ES512" },
  RS256: { alg: "RS256", modulusLength: 2048 },
  PS256: { alg: "PS256", modulusLength: 2048 },
};

// What Better Auth calls `advanced.database.generateId`: undefined is its own 32 characters.
const USER_IDS = { default: undefined, uuid: "uuid", serial: "serial" };

const SESSION_COOKIES = { default: undefined, jwt: "jwt" };

export function readSettings(environment) {
  const text = (name) => environment[name]?.trim() || undefined;
  const list = (name) => text(name)?.split(",").map((part) => part.trim()).filter(Boolean);
  const choice = (name, choices) => {
    const value = text(name) ?? Object.keys(choices)[0];
    if (!Object.hasOwn(choices, value)) {
      throw new Error(`${name} must be one of ${Object.keys(choices).join(", ")}.`);
    }
    return choices[value];
  };
  const whole = (name, most) => {
    const value = text(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,9}$/.test(value) || Number(value) > most) {
      throw new Error(`${name} must be a whole number from 0 to ${most}.`);
    }
    return Number(value);
  };
  return {
    host: text("EXAMPLE_HOST") ?? "127.0.0.1",
    port: whole("PORT", 65535) ?? 3000,
    url: text("EXAMPLE_URL"),
    secret: text("BETTER_AUTH_SECRET") ?? randomBytes(32).toString("hex"),
    taskwellUrl: text("TASKWELL_URL") ?? "http://127.0.0.1:8000",
    keyPair: choice("EXAMPLE_ALGORITHM", KEY_PAIRS),
    userIds: choice("EXAMPLE_USER_IDS", USER_IDS),
    issuer: text("EXAMPLE_ISSUER"),
    audiences: list("EXAMPLE_AUDIENCES"),
    tokenLifetime: text("EXAMPLE_TOKEN_LIFETIME") ?? "15m",
    keyLifetime: whole("EXAMPLE_KEY_LIFETIME", 999_999_999),
    trustedOrigins: list("EXAMPLE_TRUSTED_ORIGINS") ?? [],
    sessionCookie: choice("EXAMPLE_SESSION_COOKIE", SESSION_COOKIES),
  };
}
