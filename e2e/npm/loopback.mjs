// Preloaded (node --import) before an HTTP server that would listen on every
// address at a fixed port: it gets a free port on the loopback interface
// instead, and says which on standard error.
import { Server } from 'node:net';

const listen = Server.prototype.listen;

Server.prototype.listen = function (port, ...rest) {
  const ready = rest.find((argument) => typeof argument === 'function');
  this.once('listening', () => {
    console.error(`loopback: 127.0.0.1:${this.address().port}`);
  });
  return listen.call(this, 0, '127.0.0.1', ready);
};
