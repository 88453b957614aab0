package app

import (
	"net/http"
	"strconv"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/sns"
	"github.com/musubi-net/musubi/internal/control"
)

// notificationRoutes answers what `musubi notifications` asks.
func (d *daemon) notificationRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/notifications", func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.ParseUint(r.FormValue("after"), 10, 32)
		if err != nil {
			after = 0
		}
		d.answer(w, notifications(d.engine.Snapshot(), r.FormValue("topic"), uint32(after)))
	})
}

// notifications reads the messages of the topics of that name or ARN, or of all.
func notifications(r cloud.Reader, topic string, after uint32) control.Notifications {
	match := func(t sns.Topic) bool { return topic == "" || t.Name == topic || t.ARN == topic }
	n := control.Notifications{Topics: []string{}, Messages: []control.Notification{}, Dropped: map[string]int{}}
	for t := range sns.Topics.All(r) {
		if !match(t) {
			continue
		}
		n.Topics = append(n.Topics, t.ARN)
		if t.Dropped > 0 {
			n.Dropped[t.ARN] = t.Dropped
		}
	}
	for _, m := range sns.Read(r, after, match) {
		n.Messages = append(n.Messages, control.Notification{Number: m.Number, ID: m.ID, Topic: m.TopicARN, Publisher: m.Publisher,
			Subject: m.Subject, Message: m.Body, At: m.At})
	}
	return n
}
