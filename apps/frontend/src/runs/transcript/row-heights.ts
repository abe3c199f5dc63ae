/** Rows of one block are added up one by one, blocks as wholes. */
const BLOCK = 128;

/**
 * The heights of many rows, and where each of them begins: measured ones where there are, estimated ones before. What it costs to change,
 * append or ask does not grow with how many there are, up to some hundred thousand.
 */
export class RowHeights {
  private readonly heights: number[] = [];
  private readonly blocks: number[] = [];
  private sum = 0;

  get count(): number {
    return this.heights.length;
  }

  get total(): number {
    return this.sum;
  }

  at(index: number): number {
    return this.heights[index] ?? 0;
  }

  append(height: number): void {
    const block = Math.floor(this.heights.length / BLOCK);
    this.heights.push(height);
    this.blocks[block] = (this.blocks[block] ?? 0) + height;
    this.sum += height;
  }

  /** Whether it made a difference. */
  set(index: number, height: number): boolean {
    const change = height - this.at(index);
    if (index >= this.heights.length || change === 0) return false;
    const block = Math.floor(index / BLOCK);
    this.heights[index] = height;
    this.blocks[block] = (this.blocks[block] ?? 0) + change;
    this.sum += change;
    return true;
  }

  /** Forgets the rows from `count` on. */
  truncate(count: number): void {
    if (count >= this.heights.length) return;
    this.heights.length = count;
    this.blocks.length = Math.ceil(count / BLOCK);
    const last = this.blocks.length - 1;
    if (last >= 0) this.blocks[last] = this.heights.slice(last * BLOCK).reduce((sum, height) => sum + height, 0);
    this.sum = this.blocks.reduce((sum, height) => sum + height, 0);
  }

  /** Where a row begins. */
  offsetOf(index: number): number {
    const block = Math.min(Math.floor(index / BLOCK), this.blocks.length);
    let offset = 0;
    for (let each = 0; each < block; each += 1) offset += this.blocks[each] ?? 0;
    const end = Math.min(index, this.heights.length);
    for (let each = block * BLOCK; each < end; each += 1) offset += this.heights[each] ?? 0;
    return offset;
  }

  /** The row that covers this place; the first or last one for places outside. */
  indexAt(offset: number): number {
    let rest = offset;
    let block = 0;
    while (block < this.blocks.length - 1 && rest >= (this.blocks[block] ?? 0)) {
      rest -= this.blocks[block] ?? 0;
      block += 1;
    }
    let index = block * BLOCK;
    while (index < this.heights.length - 1 && rest >= this.at(index)) {
      rest -= this.at(index);
      index += 1;
    }
    return Math.max(0, Math.min(index, this.heights.length - 1));
  }
}
