import { type FileHandle, open } from "node:fs/promises";
import { constants, crc32, createGzip, type Gzip } from "node:zlib";
import type { OpenFlags } from "../../output/index.js";

/**
 * A file, gzip or not, that grows text by text. Each text is with the operating system when {@link GrowingFile.add}
 * resolves, decompressible where the file is gzip; one that could not be written leaves no trace: the file ends behind the
 * last whole one, and the next goes there, in a new member where the file is gzip.
 */
export class GrowingFile {
  readonly #file: FileHandle;
  readonly #gzip: boolean;
  /** Whether it can be cut: no pipe and no device. */
  readonly #isRegular: boolean;
  /** Bytes of the file up to the end of the last text that is whole. */
  #size: number;
  /** Bytes behind `#size` are of a text that did not fit. */
  #torn = false;
  #member: GzipMember | undefined;
  /** Ends a gzip member whose last text could not be written. */
  #missingEnd: Buffer | undefined;

  private constructor(file: FileHandle, gzip: boolean, isRegular: boolean, size: number) {
    this.#file = file;
    this.#gzip = gzip;
    this.#isRegular = isRegular;
    this.#size = size;
  }

  /**
   * Opens a file: emptied, or to be continued.
   * @param flags "r+" where the file must be there
   * @param from its first bytes that are kept; 0 begins anew
   * @throws the file system's error
   */
  static async open(
    path: string,
    gzip: boolean,
    from: number,
    flags: OpenFlags = from === 0 ? "w" : "r+",
  ): Promise<GrowingFile> {
    const file = await open(path, flags);
    try {
      const isRegular = (await file.stat()).isFile();
      if (isRegular && from > 0) await file.truncate(from);
      return new GrowingFile(file, gzip, isRegular, from);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @throws the file system's error when not all of the text could be written: then none of it counts */
  async add(text: string | Buffer): Promise<void> {
    await this.#mend();
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    if (!this.#gzip) return this.#put(bytes);
    this.#member ??= new GzipMember();
    const member = this.#member;
    const packed = await member.pack(bytes);
    try {
      await this.#put(packed);
    } catch (error) {
      // What the member packs next would refer back to the text that is missing.
      this.#member = undefined;
      this.#missingEnd = member.endBefore();
      throw error;
    }
    member.count(bytes);
  }

  /** Ends a gzip stream properly and has the bytes brought to the disk. @throws the file system's error */
  async finish(): Promise<void> {
    await this.#mend();
    const member = this.#member;
    this.#member = undefined;
    if (member) await this.#put(await member.end());
    if (this.#isRegular) await this.#file.sync();
  }

  /** Without {@link finish}, a gzip stream stays open-ended: readable, and told to be cut off. */
  async close(): Promise<void> {
    this.#member?.discard();
    this.#member = undefined;
    await this.#file.close();
  }

  async #mend(): Promise<void> {
    if (this.#torn) {
      if (!this.#isRegular) throw Object.assign(new Error("torn"), { code: "EPIPE", syscall: "write" });
      await this.#file.truncate(this.#size);
      this.#torn = false;
    }
    if (this.#missingEnd) {
      await this.#put(this.#missingEnd);
      this.#missingEnd = undefined;
    }
  }

  async #put(bytes: Buffer): Promise<void> {
    let done = 0;
    try {
      while (done < bytes.length) {
        const position = this.#isRegular ? this.#size + done : null;
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, position);
        done += bytesWritten;
      }
    } catch (error) {
      this.#torn = done > 0;
      throw error;
    }
    this.#size += done;
  }
}

/** One gzip member, packed text by text so that each can be decompressed as soon as it is there. */
class GzipMember {
  readonly #gzip: Gzip = createGzip();
  #packed: Buffer[] = [];
  #failure: Error | undefined;
  #crc = 0;
  #bytes = 0;

  constructor() {
    this.#gzip.on("data", (chunk: Buffer) => this.#packed.push(chunk));
    this.#gzip.on("error", (error) => {
      this.#failure = error;
    });
  }

  async pack(bytes: Buffer): Promise<Buffer> {
    this.#gzip.write(bytes);
    await new Promise<void>((resolve) => this.#gzip.flush(constants.Z_SYNC_FLUSH, resolve));
    return this.#take();
  }

  /** Takes note that what was packed from these bytes is in the file. */
  count(bytes: Buffer): void {
    this.#crc = crc32(bytes, this.#crc);
    this.#bytes += bytes.length;
  }

  async end(): Promise<Buffer> {
    await new Promise<void>((resolve) => {
      this.#gzip.once("close", resolve);
      this.#gzip.end();
    });
    return this.#take();
  }

  /**
   * What ends the member behind the last text that counts, after its flush: an empty last block of deflate, the checksum
   * and the length (RFC 1951, 3.2.6; RFC 1952, 2.3.1). Undefined when none counts.
   */
  endBefore(): Buffer | undefined {
    this.discard();
    if (this.#bytes === 0) return undefined;
    const end = Buffer.alloc(10);
    end.writeUInt16LE(0x0003, 0);
    end.writeUInt32LE(this.#crc, 2);
    end.writeUInt32LE(this.#bytes % 2 ** 32, 6);
    return end;
  }

  discard(): void {
    this.#gzip.destroy();
  }

  #take(): Buffer {
    if (this.#failure) throw this.#failure;
    const bytes = Buffer.concat(this.#packed);
    this.#packed = [];
    return bytes;
  }
}
