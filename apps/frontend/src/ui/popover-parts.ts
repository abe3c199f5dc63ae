import { Popover } from "radix-ui";

export const { Root, Trigger, Portal, Content } = Popover;
