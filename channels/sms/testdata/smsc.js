// A phone company that speaks SMPP, by npm's smpp: it binds anybody, takes texts and says so, and delivers what it is told to.
// Both ways it is one JSON object a line.
const smpp = require(process.argv[2] + "/smpp");
const say = (o) => console.log(JSON.stringify(o));
let bound, ids = 0;

const server = smpp.createServer((s) => {
  s.on("error", () => {});
  s.on("bind_transceiver", (pdu) => {
    s.send(pdu.response());
    bound = s;
    say({ bound: pdu.system_id });
  });
  s.on("enquire_link", (pdu) => s.send(pdu.response()));
  s.on("submit_sm", (pdu) => {
    const id = String(++ids);
    s.send(pdu.response({ message_id: id }));
    const { udh, message } = pdu.short_message;
    say({ id, from: pdu.source_addr, to: pdu.destination_addr, coding: pdu.data_coding, udh: udh ? Buffer.concat([].concat(udh)).toString("hex") : "", words: message.toString(), receipt: pdu.registered_delivery });
  });
});
server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { from, to, words, udh, coding, receipt } = JSON.parse(line);
  const short_message = udh ? { udh: Buffer.from(udh, "hex"), message: words } : words;
  bound.deliver_sm({ source_addr: from, destination_addr: to, data_coding: coding, esm_class: (udh ? 0x40 : 0) | (receipt ? 4 : 0), short_message },
    (pdu) => say({ taken: pdu.command_status }));
}).on("close", () => process.exit());
