package sandbox

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

type screenRequest struct {
	Reference string `json:"reference"`
	OrderID   string `json:"order_id"` // screening the same order again gives the same answer
	Email     string `json:"email"`
	Amount    money  `json:"amount"`
	Country   string `json:"country,omitempty"`
	CheckIn   string `json:"check_in,omitempty"`
	HotelID   string `json:"hotel_id,omitempty"`
}

// screening is a verdict. No personal data is kept.
type screening struct {
	OrderID        string `json:"order_id"`
	RiskID         string `json:"risk_id"`
	Recommendation string `json:"recommendation"` // ACCEPT, REVIEW, REJECT
	Score          int    `json:"score"`          // 0 harmless to 100
}

type screeningView struct {
	Reference string `json:"reference"`
	screening
}

// tagOf is the magic word of an address: "review" of ana+review@example.com.
func tagOf(email string) string {
	local, _, _ := strings.Cut(email, "@")
	plus := strings.LastIndexByte(local, '+')
	if plus < 0 {
		return ""
	}
	return strings.ToLower(local[plus+1:])
}

func verdictOf(tag string) (recommendation string, score int) {
	switch tag {
	case "reject":
		return "REJECT", 97
	case "review":
		return "REVIEW", 62
	default:
		return "ACCEPT", 4
	}
}

func readScreen(_ *http.Request, body []byte) (request, error) {
	var in screenRequest
	if err := decode(body, &in); err != nil {
		return request{}, err
	}
	_, err := in.Amount.minor()
	if in.OrderID == "" || !strings.Contains(in.Email, "@") {
		err = errors.Join(err, errors.New("order_id and email are required"))
	}
	return request{reference: in.Reference, apply: func(c *change) answer {
		return c.screen(in)
	}}, errors.Join(checkReference(in.Reference), err)
}

func (c *change) screen(in screenRequest) answer {
	tag := tagOf(in.Email)
	if tag == "down" {
		return refuse(http.StatusServiceUnavailable, "service_unavailable", "the screening is down; nothing was done")
	}
	v := c.screenings[in.Reference]
	if v == nil || v.OrderID != in.OrderID {
		recommendation, score := verdictOf(tag)
		v = &screening{OrderID: in.OrderID, RiskID: "risk_" + digest(in.OrderID)[:20], Recommendation: recommendation, Score: score}
		c.screenings[in.Reference] = v
		c.touch(kindScreening, in.Reference)
		c.did("screened")
	}
	return answer{status: http.StatusOK, body: screeningView{Reference: in.Reference, screening: *v}}
}

func readScreening(r *http.Request, _ []byte) (request, error) {
	reference := r.PathValue("reference")
	return request{reference: reference, apply: func(c *change) answer {
		v := c.screenings[reference]
		if v == nil {
			return refuse(http.StatusNotFound, "reference_unknown", "nothing was screened under this reference")
		}
		return answer{status: http.StatusOK, body: screeningView{Reference: reference, screening: *v}}
	}}, checkReference(reference)
}

// decideFraud is a person at the provider who looked again: {"decision":"accept"} or "reject". The caller is told by a
// notification.
func (s *Server) decideFraud(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Decision string `json:"decision"`
	}
	reference := r.PathValue("reference")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = decode(body, &in)
	}
	if err == nil && in.Decision != "accept" && in.Decision != "reject" {
		err = errors.New(`decision: want "accept" or "reject"`)
	}
	if err != nil {
		s.say(w, refuse(http.StatusBadRequest, "invalid_request", err.Error()))
		return
	}
	entry := Entry{ReceivedAt: s.cfg.Now(), System: Fraud, Operation: "decide", Reference: reference, Answer: given}
	s.say(w, s.record(entry, func(c *change) answer {
		v := c.screenings[reference]
		if v == nil {
			return refuse(http.StatusNotFound, "reference_unknown", "nothing was screened under this reference")
		}
		v.Recommendation = strings.ToUpper(in.Decision)
		c.touch(kindScreening, reference)
		c.did("decided_" + in.Decision)
		c.notices = append(c.notices, notice{Type: "fraud.decided", Data: noticeData{
			Reference: reference, RiskID: v.RiskID, Status: in.Decision,
		}})
		return answer{status: http.StatusOK, body: screeningView{Reference: reference, screening: *v}}
	}))
}
