/* Names in directories: what is there, creation, replacement, removal, durability of all three. */
#include "portability/file.h"

#include "portability/posix/fault.h"
#include "portability/posix/power.h"
#include "portability/posix/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

apr_status_t path_inspect(const char *path, path_info_t *info) {
    struct stat found;
    memset(info, 0, sizeof *info);
    if (stat(path, &found) != 0) return errno == ENOENT || errno == ENOTDIR ? APR_SUCCESS : system_error();
    info->kind = S_ISREG(found.st_mode) ? PATH_FILE : S_ISDIR(found.st_mode) ? PATH_DIRECTORY : PATH_OTHER;
    info->size = found.st_size;
    info->modified_ms = (int64_t)found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1000000;
    return APR_SUCCESS;
}

apr_status_t path_rename(const char *from, const char *to) {
    if (fault_path(FAULT_RENAME, to, NULL)) return system_error();
    if (rename(from, to) != 0) return system_error();
    power_note_rename(from, to);
    return APR_SUCCESS;
}

apr_status_t path_remove(const char *path) {
    if (fault_path(FAULT_REMOVE, path, NULL)) return system_error();
    power_note_remove(path);
    if (unlink(path) == 0) return APR_SUCCESS;
    if (errno != EISDIR) return system_error();
    return rmdir(path) == 0 ? APR_SUCCESS : system_error();
}

static bool is_directory(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

static apr_status_t create_one(const char *path) {
    if (mkdir(path, 0777) == 0) {
        power_note_directory(path);
        return APR_SUCCESS;
    }
    if (errno != EEXIST) return system_error();
    return is_directory(path) ? APR_SUCCESS : APR_FROM_OS_ERROR(ENOTDIR);
}

apr_status_t directory_create(const char *path) {
    if (is_directory(path)) return APR_SUCCESS;
    char *part = system_copy(path);
    apr_status_t status = APR_SUCCESS;
    for (char *slash = strchr(part + (*part == '/'), '/'); slash != NULL && status == APR_SUCCESS; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (!is_directory(part)) status = create_one(part);
        *slash = '/';
    }
    if (status == APR_SUCCESS) status = create_one(path);
    free(part);
    return status;
}

apr_status_t directory_sync(const char *path) {
    if (fault_path(FAULT_SYNC, path, NULL)) return system_error();
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return system_error();
    apr_status_t status = fsync(fd) == 0 || errno == EINVAL ? APR_SUCCESS : system_error(); /* EINVAL: has no such notion */
    if (close(fd) != 0 && status == APR_SUCCESS && errno != EINTR) status = system_error();
    if (status == APR_SUCCESS) power_note_directory_sync(path);
    return status;
}

apr_status_t file_system_sync(const char *directory) {
    if (fault_path(FAULT_SYNC, directory, NULL)) return system_error();
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return system_error();
    apr_status_t status = syncfs(fd) == 0 ? APR_SUCCESS : system_error();
    if (close(fd) != 0 && status == APR_SUCCESS && errno != EINTR) status = system_error();
    if (status == APR_SUCCESS) power_note_whole_sync();
    return status;
}

apr_status_t directory_list(const char *path, apr_status_t (*visit)(void *arg, const char *name), void *arg) {
    DIR *directory = opendir(path);
    if (directory == NULL) return system_error();
    apr_status_t status = APR_SUCCESS;
    while (status == APR_SUCCESS) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            if (errno != 0) status = system_error();
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) status = visit(arg, entry->d_name);
    }
    if (closedir(directory) != 0 && status == APR_SUCCESS) status = system_error();
    return status;
}

apr_status_t disk_space(const char *path, int64_t *available, int64_t *total) {
    struct statvfs found;
    int result;
    do {
        result = statvfs(path, &found);
    } while (result != 0 && errno == EINTR);
    if (result != 0) return system_error();
    *available = (int64_t)(found.f_bavail * found.f_frsize);
    *total = (int64_t)(found.f_blocks * found.f_frsize);
    return APR_SUCCESS;
}

static char *join(const char *front, const char *back) {
    size_t size = strlen(front) + strlen(back) + 2;
    char *text = system_alloc(size);
    snprintf(text, size, "%s/%s", front, back);
    return text;
}

/* Drops empty and "." parts in place. ".." stays: before it may stand a symbolic link. */
static void tidy(char *path) {
    char *to = path;
    for (const char *from = path; *from != 0;) {
        from += strspn(from, "/");
        size_t length = strcspn(from, "/");
        if (length > 0 && !(length == 1 && *from == '.')) {
            *to++ = '/';
            memmove(to, from, length);
            to += length;
        }
        from += length;
    }
    if (to == path) *to++ = '/';
    *to = 0;
}

apr_status_t path_absolute(const char *path, const char *base, char **out) {
    char *text;
    if (*path == '/') {
        text = system_copy(path);
    } else if (base != NULL) {
        char *front = NULL;
        apr_status_t status = path_absolute(base, NULL, &front);
        if (status != APR_SUCCESS) return status;
        text = join(front, path);
        free(front);
    } else {
        char *here = getcwd(NULL, 0);
        if (here == NULL) return system_error();
        text = join(here, path);
        free(here);
    }
    tidy(text);
    *out = text;
    return APR_SUCCESS;
}
