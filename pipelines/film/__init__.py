"""Film: pictures and narrations become moving pictures with sound and subtitles."""
