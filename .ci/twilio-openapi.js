// node twilio-openapi.js FROM TO
// Copies Twilio's OpenAPI document for Prism: only the paths of messages, calls and recordings; with a hint that lists in
// forms are repeated fields, which the document lacks and without which Prism refuses each of them; and with the addresses
// of a list's pages as what the document's own examples show, without a scheme and host.
const fs = require('fs');
const [, , from, to] = process.argv;
const doc = JSON.parse(fs.readFileSync(from));
let mended = 0;
for (const path of Object.keys(doc.paths)) {
  if (!/\{AccountSid\}\/(Messages|Calls|Recordings)(\/\{Sid\})?\.json$/.test(path)) {
    delete doc.paths[path];
    continue;
  }
  for (const operation of Object.values(doc.paths[path])) {
    const form = operation?.requestBody?.content?.['application/x-www-form-urlencoded'];
    const page = operation?.responses?.['200']?.content?.['application/json']?.schema;
    for (const [name, field] of Object.entries(page?.properties || {})) {
      if (/uri$/.test(name) && field.format === 'uri') {
        field.format = 'uri-reference';
      }
    }
    for (const [name, field] of Object.entries(form?.schema?.properties || {})) {
      if (field.type === 'array') {
        (form.encoding ||= {})[name] = { style: 'form', explode: true };
        mended++;
      }
    }
  }
}
if (mended === 0 || Object.keys(doc.paths).length !== 6) {
  throw new Error('this is not the document that was expected');
}
fs.writeFileSync(to, JSON.stringify(doc));
