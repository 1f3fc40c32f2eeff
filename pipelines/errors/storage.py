"""The home folder, and the start."""

from pipelines.errors.base import StudioError


class StorageError(StudioError):
    """The home folder cannot hold what was asked of it."""


class DiskFull(StorageError):
    en = "The disk is full, so this could not be kept. Free some space in {path} and run again; nothing older was changed."
    zh = "磁盘已满，无法保存。请在 {path} 腾出空间后再运行；已有内容没有改变。"


class ReadOnlyHome(StorageError):
    en = "The home folder {path} cannot be written. Give this user write access, or start with --home and another folder."
    zh = "主文件夹 {path} 不可写。请授予写权限，或用 --home 指定其他文件夹启动。"


class NotRemoved(StorageError):
    en = "Not all of {path} could be deleted: {reason}. Give this user write access to it, or delete it by hand, and try again."
    zh = "{path} 未能全部删除：{reason}。请授予写权限或手动删除后再重试。"


class HomeInUse(StorageError):
    en = "Another studio is already running on {path}. Use its page, stop it, or start this one with --home and another folder."
    zh = "{path} 上已有一个工作室在运行。请使用它的页面、停止它，或用 --home 指定其他文件夹启动。"


class HomeTooNew(StorageError):
    en = "{path} was written by a newer version (schema {found}; this one knows {known}). Update the studio, or use another --home."
    zh = "{path} 由更新的版本写入（结构版本 {found}，本版本支持到 {known}）。请更新工作室，或用 --home 指定其他文件夹。"


class HomeDamaged(StorageError):
    en = "{path} cannot be read. If you have a copy of that file, put it back; if not, delete it: nothing else is lost."
    zh = "无法读取 {path}。如有该文件的备份，请恢复；若没有，可删除它：其他内容不会丢失。"


class PortInUse(StorageError):
    en = "Port {port} is taken by another program. Stop it, or start with --port and another number."
    zh = "端口 {port} 已被其他程序占用。请停止它，或用 --port 指定其他端口启动。"


class PortForbidden(StorageError):
    en = "This user may not open port {port}. Start with --port and a number above 1023."
    zh = "当前用户无权打开端口 {port}。请用 --port 指定大于 1023 的端口启动。"


class NoSuchAddress(StorageError):
    en = "This machine has no address {host}. Start with --host 127.0.0.1 or 0.0.0.0."
    zh = "本机没有地址 {host}。请用 --host 127.0.0.1 或 0.0.0.0 启动。"
