"""Turns, and what belongs to whom."""

from pipelines.errors.base import StudioError


class QueueFull(StudioError):
    en = "{waiting} jobs are waiting, and no more are taken for now. Try again in about {retry_after_seconds} seconds."
    zh = "已有 {waiting} 个作业在排队，暂不接收新作业。请约 {retry_after_seconds} 秒后再试。"


class QuotaReached(StudioError):
    en = "You have {limit} jobs waiting or running, which is the limit for one person here. Wait for one to end, or stop one."
    zh = "你有 {limit} 个作业在等待或运行，已达到每人上限。请等其中一个结束，或停止一个。"


class NotFound(StudioError):
    en = "This {thing} does not exist any more, or it belongs to somebody else. Go back to your own list."
    zh = "该{thing}已不存在，或属于其他人。请回到你自己的列表。"


class NotAllowed(StudioError):
    en = "This studio does not allow that: {reason}. Ask the person who runs it, or run your own copy."
    zh = "本工作室不允许此操作：{reason}。请联系管理者，或运行你自己的副本。"


class WrongAddress(NotAllowed):
    en = "This studio answers only on the machine it runs on, under localhost. Open the address that it printed at its start."
    zh = "本工作室只在运行它的机器上以 localhost 提供服务。请打开启动时显示的地址。"


class ForeignPage(NotAllowed):
    en = "A page of another site asked for this, so nothing was done. Use the studio's own page."
    zh = "这个请求来自其他网站的页面，因此没有执行。请使用工作室自己的页面。"


class ClosedRoute(NotAllowed):
    en = "This studio does not fetch addresses for others. Download the file yourself and drop it on the page."
    zh = "本工作室不代为抓取网址。请自行下载文件，再拖到页面上。"


class TokenNeeded(NotAllowed):
    en = (
        "This studio asks for a token. Open the link with “?token=” that it printed at its start (each lets one browser "
        "in), or send an API token as “Authorization: Bearer …”."
    )
    zh = (
        "本工作室需要令牌。请打开启动时显示的带“?token=”的链接（每个链接供一个浏览器使用）,"
        "或以“Authorization: Bearer …”发送 API 令牌。"
    )


class ShareNeedsLogin(NotAllowed):
    en = "A share link opens the studio to the whole internet, so it needs a login. Start with --auth USER:PASSWORD --share."
    zh = "分享链接会向整个互联网开放工作室，因此需要登录。请用 --auth 用户名：密码 --share 启动。"
