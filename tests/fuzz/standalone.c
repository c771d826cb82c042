/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays inputs through a fuzz target where there is no libFuzzer: every argument is a file, or a
 * directory whose files are taken.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned replayed;

static void fail(const char *path)
{
    perror(path);
    exit(EXIT_FAILURE);
}

static void replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1); /* exact, so that a sanitizer sees what lies behind */

    if (!file || !data || fread(data, 1, size, file) != size) {
        fail(path);
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
}

static void replay(const char *path)
{
    struct stat info;

    if (stat(path, &info)) {
        fail(path);
    }
    if (S_ISREG(info.st_mode)) {
        replay_file(path, (size_t)info.st_size);
        return;
    }
    DIR *directory = opendir(path);

    if (!directory) {
        fail(path);
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        char name[4096];

        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
            replay(name);
        }
    }
    closedir(directory);
}

int main(int argc, char *argv[])
{
    for (int i = 1; i < argc; i++) {
        replay(argv[i]);
    }
    printf("%u inputs replayed\n", replayed);
    return replayed ? EXIT_SUCCESS : EXIT_FAILURE;
}
