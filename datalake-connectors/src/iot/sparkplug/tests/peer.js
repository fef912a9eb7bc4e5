// Writes a payload with every type, or reads one. Numbers that the library keeps as objects are written as numbers, bytes as
// Base64.
const sparkplug = require("sparkplug-payload").get("spBv1.0");
const fs = require("fs");

const plain = (value) => {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value.toNumber === "function") return value.toNumber();
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
};

const now = 1767408540000;
const metrics = [
  ["Int8", -7], ["Int16", -32768], ["Int32", -2147483648], ["Int64", -9007199254740991], ["UInt8", 255], ["UInt16", 65535],
  ["UInt32", 4294967295], ["UInt64", 9007199254740991], ["Float", 0.1], ["Double", 0.1], ["Boolean", true],
  ["String", "\u00e9"], ["DateTime", now], ["Text", "text"], ["UUID", "7f7e6d5c-0000-4000-8000-000000000000"],
  ["DataSet", { numOfColumns: 2, types: ["Int8", "String"], columns: ["a", "b"], rows: [[-7, "x"], [8, "y"]] }],
  ["Bytes", Uint8Array.from([0, 255])], ["File", Uint8Array.from([102])],
  ["Template", {
    isDefinition: false, templateRef: "pump", version: "1",
    metrics: [{ name: "inner", type: "Int32", value: -7 }], parameters: [{ name: "p", type: "Int32", value: -7 }],
  }],
].map(([type, value], n) => ({ name: `m${n + 1}`, type, value, timestamp: now }));
metrics[0].alias = 1;
metrics[0].properties = { Quality: { type: "Int32", value: 192 } };
metrics[1].isHistorical = true;

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const answer = asked.decode
  ? plain(sparkplug.decodePayload(Buffer.from(asked.decode, "base64")))
  : { bytes: Buffer.from(sparkplug.encodePayload({ timestamp: now, seq: 0, metrics })).toString("base64") };
process.stdout.write(JSON.stringify(answer));
