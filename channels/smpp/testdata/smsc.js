// An SMSC by npm's smpp, told what to do by lines of JSON on its standard input; what happens to it is told on its standard output.
const smpp = require(process.argv[2] + '/smpp');
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');
let taken = 0, session, status = 0, deaf = false, mute = false, left = 0;
const short = (m) => (m && m.message !== undefined ? m.message : m);

const server = smpp.createServer((s) => {
  s.on('error', (e) => tell({ event: 'error', text: String(e) }));
  s.on('close', () => tell({ event: 'close' }));
  const bind = (p) => {
    if (mute) return;
    if (p.password !== 'secret') {
      s.send(p.response({ command_status: smpp.ESME_RINVPASWD }));
      s.close();
      return;
    }
    session = s;
    s.send(p.response({ system_id: 'npm' }));
    tell({ event: 'bind', command: p.command, system_id: p.system_id, system_type: p.system_type });
  };
  for (const b of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) s.on(b, bind);
  s.on('enquire_link', (p) => s.send(p.response()));
  s.on('unbind', (p) => { tell({ event: 'unbind' }); s.send(p.response()); s.close(); });
  s.on('submit_sm', (p) => {
    taken++;
    if (left > 0 && --left === 0) { s.socket.resetAndDestroy ? s.socket.resetAndDestroy() : s.socket.destroy(); return; }
    if (deaf) return;
    const id = 'n' + taken;
    s.send(p.response(status ? { command_status: status } : { message_id: id }));
    tell({
      event: 'submit', id, to: p.destination_addr, from: p.source_addr, coding: p.data_coding, esm: p.esm_class, reports: p.registered_delivery,
      words: short(p.short_message), header: p.short_message && p.short_message.udh ? p.short_message.udh.map((h) => h.toString('hex')) : undefined,
      op: p.ussd_service_op, its: p.its_session_info && p.its_session_info.toString('hex'),
      sar: p.sar_msg_ref_num === undefined ? undefined : [p.sar_total_segments, p.sar_segment_seqnum],
    });
    if (p.registered_delivery && !status) {
      s.deliver_sm({
        source_addr: p.destination_addr, source_addr_ton: 1, source_addr_npi: 1, destination_addr: p.source_addr, esm_class: 4, receipted_message_id: id, message_state: 2,
        short_message: 'id:' + id + ' sub:001 dlvrd:001 submit date:2703151200 done date:2703151201 stat:DELIVRD err:000 text:',
      }, (r) => tell({ event: 'receipt', status: r.command_status }));
    }
  });
  s.on('pdu', (p) => { if (p.command === 'generic_nack') tell({ event: 'nack', status: p.command_status, sequence: p.sequence_number }); });
});
server.listen(0, '127.0.0.1', () => tell({ event: 'listen', port: server.address().port }));

let rest = '';
process.stdin.on('data', (d) => {
  rest += d;
  for (let i; (i = rest.indexOf('\n')) >= 0;) {
    const line = rest.slice(0, i);
    rest = rest.slice(i + 1);
    const c = JSON.parse(line);
    if (c.status !== undefined) status = c.status;
    if (c.deaf !== undefined) deaf = c.deaf;
    if (c.mute !== undefined) mute = c.mute;
    if (c.reset !== undefined) left = c.reset; // after that many
    if (c.set) tell({ event: 'set' });
    if (c.drop) session.socket.destroy();
    if (c.raw) session.socket.write(Buffer.from(c.raw, 'hex'));
    if (c.deliver) {
      const p = c.deliver;
      if (p.its_session_info) p.its_session_info = Buffer.from(p.its_session_info, 'hex');
      if (p.udh) { p.short_message = { udh: Buffer.from(p.udh, 'hex'), message: p.short_message }; delete p.udh; p.esm_class = 0x40; }
      session.deliver_sm(p, (r) => tell({ event: 'answer', status: r.command_status }));
    }
    if (c.count) tell({ event: 'count', n: taken });
  }
});
process.stdin.on('end', () => process.exit(0));
