/* A small file that survives a crash whole. */
#pragma once

/* Puts `text` and a newline in the place of the file: written aside, brought to the disk, renamed,
 * so that after a crash there is the old one or the new one. 0 or -errno. */
int file_replace(const char *path, const char *text);
