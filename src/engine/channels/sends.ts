import { type Cell, nullCell } from "../cell.ts";
import type { SendPacket, Write } from "../write.ts";
import type { Channel } from "./channel.ts";

/** The Sends to deliver in the next superstep. A checkpoint keeps them in a field of its own. */
export class SendsChannel implements Channel {
  packets: readonly SendPacket[];

  constructor(packets: readonly SendPacket[] = []) {
    this.packets = packets;
  }

  get available(): boolean {
    return this.packets.length > 0;
  }

  read(): Cell | undefined {
    return this.available ? nullCell() : undefined;
  }

  saved(): undefined {
    return undefined;
  }

  update(writes: readonly Write[]): boolean {
    const changed = this.available || writes.length > 0;
    this.packets = writes.flatMap(({ send }) => (send === undefined ? [] : [send]));
    return changed;
  }

  consume(): boolean {
    return false;
  }

  copy(): SendsChannel {
    return new SendsChannel(this.packets);
  }
}
